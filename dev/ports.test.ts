import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { LaunchError } from './launch-error.js'
import { checkPorts, fixedPorts, freeMeshPorts, portChoices } from './ports.js'

describe('the ports of a mesh', () => {
  for (const [env, message] of [
    [{ PORT: 'abc' }, 'PORT=abc is not a port. Give a number from 1 to 65400.'],
    [{ PORT: '0' }, 'PORT=0 is not a port. Give a number from 1 to 65400.'],
    [{ HTTPS_PORT: '65536' }, 'HTTPS_PORT=65536 is not a port. Give a number from 1 to 65400.'],
    [{ PORT_BASE: '-1' }, 'PORT_BASE=-1 is not a port. Give a number from 1 to 65400.'],
  ] as const) {
    it(`refuse ${JSON.stringify(env)} by name`, () => {
      assert.throws(() => portChoices(env), new LaunchError(message))
    })
  }

  it('are 8080, 8443 and from 7100 on unless chosen; an empty variable is no choice', () => {
    assert.deepEqual(portChoices({ PORT: '' }), { edgeHttp: 8080, edgeHttps: 8443, base: 7100 })
    assert.deepEqual(portChoices({ PORT: '9000', PORT_BASE: '9100' }), { edgeHttp: 9000, edgeHttps: 8443, base: 9100 })
  })

  it('are all different', () => {
    const ports = JSON.stringify(fixedPorts(portChoices({}))).match(/\d+/g) ?? []
    assert.equal(ports.length, 20)
    assert.equal(new Set(ports).size, ports.length)
  })

  for (const [part, named, choice] of [
    ['edgeHttp', 'the edge (HTTP)', 'PORT=8081'],
    ['edgeHttps', 'the edge (HTTPS)', 'HTTPS_PORT=8444'],
    ['postgres', 'PostgreSQL', 'PORT_BASE=7300'],
    ['intent', 'intent (grpc)', 'PORT_BASE=7300'],
  ] as const) {
    it(`that are taken are named with their holder and the cure: ${part}`, async () => {
      const ports = await freeMeshPorts()
      await checkPorts(ports, '127.0.0.1')
      const taken = part === 'intent' ? ports.intent.grpc : ports[part]
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve))
      try {
        await assert.rejects(checkPorts(ports, '127.0.0.1'), (error: Error) => {
          assert.ok(error instanceof LaunchError)
          // The command may be shown by the name of its main thread.
          const by = `by \\S+ \\(process ${process.pid}\\)`
          const sentence = `^Port ${taken} for ${escape(named)} is in use ${by}. Stop that, or choose another: make up ${choice}$`
          assert.match(error.message, new RegExp(sentence))
          return true
        })
      } finally {
        await new Promise((resolve) => server.close(resolve))
      }
    })
  }
})

function escape(text: string): string {
  return text.replace(/[()]/g, '\\$&')
}
