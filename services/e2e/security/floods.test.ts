import assert from 'node:assert/strict'
import http2 from 'node:http2'
import { connect } from 'node:net'
import { type Person, newPerson } from '../api.js'
import { theMesh } from '../mesh-under-test.js'

/** Much of something, within bounds that leave the machine to others: it is cut off, and the mesh serves on. */
describe('a client that sends too much or too slowly', function () {
  this.timeout(60_000)
  let alice: Person

  before(async () => {
    alice = await newPerson((await theMesh()).api)
  })
  afterEach(async () => {
    const { status } = await alice.api.send('GET', `/v1/${alice.wallet}`)
    assert.equal(status, 200, 'the mesh serves on')
  })

  const session = () => {
    const opened = http2.connect(alice.api.url)
    // The server may end it in any way.
    opened.on('error', () => undefined)
    return opened
  }
  const ended = (opened: http2.ClientHttp2Session) =>
    new Promise<void>((resolve) => {
      if (opened.closed || opened.destroyed) resolve()
      else opened.once('close', resolve)
    })

  it('opens streams and resets them at once, without end: its connection is ended', async () => {
    const opened = session()
    await new Promise((resolve) => opened.once('remoteSettings', resolve))
    for (let count = 0; count < 20_000 && !opened.closed && !opened.destroyed; count += 1) {
      const stream = opened.request({ ':method': 'GET', ':path': '/v1/wallets' })
      stream.on('error', () => undefined)
      stream.close(http2.constants.NGHTTP2_CANCEL)
      if (count % 100 === 99) await new Promise(setImmediate)
    }
    await ended(opened)
  })

  it('keeps more than a hundred streams open: those beyond are refused', async () => {
    const opened = session()
    const { maxConcurrentStreams } = await new Promise<http2.Settings>((resolve) =>
      opened.once('remoteSettings', resolve),
    )
    assert.equal(maxConcurrentStreams, 100)
    opened.destroy()
  })

  it('pings and changes settings without end: its connection is ended', async () => {
    for (const flood of [
      (opened: http2.ClientHttp2Session) => opened.ping(Buffer.alloc(8), () => undefined),
      (opened: http2.ClientHttp2Session) => {
        opened.settings({ enablePush: false })
      },
    ]) {
      const opened = http2.connect(alice.api.url, { maxOutstandingPings: 100_000 })
      opened.on('error', () => undefined)
      await new Promise((resolve) => opened.once('remoteSettings', resolve))
      for (let count = 0; count < 30_000 && !opened.closed && !opened.destroyed; count += 1) {
        try {
          flood(opened)
        } catch {
          break
        }
        if (count % 200 === 199) await new Promise(setImmediate)
      }
      opened.destroy()
      await ended(opened)
    }
  })

  it('sends its headers a byte at a time, or a body that never ends: 408, or cut off', async () => {
    const { hostname, port } = new URL(alice.api.url)
    const slowly = (first: string, drip: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(Number(port), hostname)
        let text = ''
        const timer = setInterval(() => socket.write(drip), 500)
        socket.on('data', (data) => (text += data.toString()))
        socket.on('error', () => undefined)
        socket.on('close', () => {
          clearInterval(timer)
          resolve(text)
        })
        socket.write(first)
      })
    const bearer = `authorization: Bearer ${alice.api.token}\r\n`
    const [headers, body] = await Promise.all([
      slowly('GET /v1/wallets HTTP/1.1\r\nhost: x\r\nx-a: ', 'a'),
      slowly(`POST /v1/intents HTTP/1.1\r\nhost: x\r\n${bearer}content-length: 60000\r\n\r\n{`, ' '),
    ])
    for (const answer of [headers, body]) assert.match(answer, /^HTTP\/1\.1 408/)
  })

  it('sends JSON that is deep, wide or large: 4xx at once', async () => {
    const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    for (const [what, body] of Object.entries({
      'ten thousand levels': deep(10_000),
      'ten thousand levels of lists': `{"intent":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
      'ten thousand levels within a known field': `{"intent":${deep(6_000)}}`,
      'metadata of a thousand levels': `{"intent":{"metadata":${deep(1_000)}}}`,
      'five thousand keys': `{${Array.from({ length: 5_000 }, (_, at) => `"k${at}":1`).join()}}`,
      'a number of 60,000 digits': `{"intent":{"amount":{"minorUnits":${'9'.repeat(60_000)}}}}`,
      'a string of 60,000 digits': `{"intent":{"amount":{"minorUnits":"${'9'.repeat(60_000)}"}}}`,
      'no UTF-8': '{"requestId":"\xff\xfe"}',
      'more than the edge takes': `{"requestId":"${'x'.repeat(70_000)}"}`,
      nothing: '',
      'a list': '[]',
      'a word': 'null',
    })) {
      const { status, body: answer } = await alice.api.send('POST', '/v1/intents', body)
      assert.ok(status >= 400 && status < 500, `${what}: ${status} ${JSON.stringify(answer).slice(0, 300)}`)
    }
  })
})
