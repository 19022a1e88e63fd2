import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { publicMethods } from '../../envoy/public-methods.js'
import { openApiPath } from './document.js'
import { openApiFile, openApiText } from './print.js'

describe('docs/openapi.json', () => {
  it('is what the protos say (`make gen` prints it)', function () {
    this.timeout(20_000)
    assert.equal(readFileSync(openApiFile(), 'utf8'), openApiText())
  })

  it('has every method that the edge offers once', () => {
    const { paths } = JSON.parse(readFileSync(openApiFile(), 'utf8')) as { paths: Record<string, object> }
    const offered = publicMethods().map(({ http }) => `${http.verb.toLowerCase()} ${openApiPath(http.path)}`)
    const printed = Object.entries(paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb} ${path}`),
    )
    assert.deepEqual(printed.sort(), offered.sort())
  })

  it('names the varying parts of a path by what they are of', () => {
    assert.equal(openApiPath('/v1/{name=intents/*}:watch'), '/v1/intents/{intent}:watch')
    assert.equal(
      openApiPath('/v1/admin/{name=discrepancies/*}:resolve'),
      '/v1/admin/discrepancies/{discrepancy}:resolve',
    )
    assert.equal(openApiPath('/v1/{parent=users/*}/sessions'), '/v1/users/{user}/sessions')
  })
})
