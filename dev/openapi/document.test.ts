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

  it('has what neither the path nor the body says as parameters', () => {
    const { paths } = JSON.parse(readFileSync(openApiFile(), 'utf8')) as {
      paths: Record<string, Record<string, { parameters: { name: string; in: string }[] }>>
    }
    const parametersOf = (verb: string, path: string) =>
      paths[path]?.[verb]?.parameters.map((parameter) => `${parameter.in} ${parameter.name}`)
    assert.deepEqual(parametersOf('patch', '/v1/wallets/{wallet}'), ['path wallet', 'query updateMask'])
    assert.deepEqual(parametersOf('post', '/v1/intents'), [])
    assert.deepEqual(parametersOf('get', '/v1/limits'), undefined)
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
