import assert from 'node:assert/strict'
import { theMesh } from '../mesh-under-test.js'
import { type RawAnswer, sendRaw } from './raw-http.js'

// What two servers read as requests of different length: whoever stands before the edge would see one, and the edge another.
const hidden = 'GET /v1/hidden HTTP/1.1\r\nhost: x\r\n\r\n'
const post = (headers: string, body: string) => `POST /v1/sessions HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n${body}`

const shapes: Record<string, string> = {
  'Content-Length and Transfer-Encoding': post('content-length: 5\r\ntransfer-encoding: chunked', `0\r\n\r\n${hidden}`),
  'Transfer-Encoding and Content-Length': post('transfer-encoding: chunked\r\ncontent-length: 0', `0\r\n\r\n${hidden}`),
  'two lengths': post('content-length: 0\r\ncontent-length: 36', hidden),
  'two lengths in one header': post('content-length: 0, 36', hidden),
  'a length with a sign': post('content-length: +0', hidden),
  'a negative length': post('content-length: -1', hidden),
  'a length in hexadecimal': post('content-length: 0x0', hidden),
  'a length beyond 64 bits': post('content-length: 99999999999999999999999', hidden),
  'an encoding that nobody knows': post('transfer-encoding: xchunked', `0\r\n\r\n${hidden}`),
  'chunked twice': post('transfer-encoding: chunked\r\ntransfer-encoding: chunked', `0\r\n\r\n${hidden}`),
  'chunked, then something else': post('transfer-encoding: chunked, identity', `0\r\n\r\n${hidden}`),
  'a space before the colon': post('content-length : 36', hidden),
  'a chunk size that is none': post('transfer-encoding: chunked', `zz\r\n\r\n${hidden}`),
  'a chunk size that overflows': post('transfer-encoding: chunked', `fffffffffffffffff\r\n\r\n${hidden}`),
  'a NUL in a header': post('x-a: b\0c\r\ncontent-length: 0', ''),
  'no host': 'GET /v1/wallets HTTP/1.1\r\n\r\n',
  'a version that nobody speaks': 'GET /v1/wallets HTTP/3.7\r\nhost: x\r\n\r\n',
  'no request at all': 'hello\r\n\r\n',
  'a tunnel': 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: x\r\n\r\n',
  'a TLS greeting without TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'a method that nobody knows': `${'A'.repeat(2000)} /v1/wallets HTTP/1.1\r\nhost: x\r\n\r\n`,
  'headers of 100 KiB': post(`x-a: ${'a'.repeat(100_000)}\r\ncontent-length: 0`, ''),
  'a thousand headers': post(`${'x-a: b\r\n'.repeat(1000)}content-length: 0`, ''),
  'a path of 60 KiB': `GET /v1/${'a'.repeat(60_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
}

describe('a request that may be read in two ways', function () {
  this.timeout(30_000)
  const answers = new Map<string, RawAnswer>()

  // At once: the edge takes a second to close each, in case something is still on its way.
  before(async () => {
    const { api } = await theMesh()
    const sent = Object.entries(shapes).map(async ([shape, bytes]) => answers.set(shape, await sendRaw(api.url, bytes)))
    await Promise.all(sent)
  })

  for (const shape of Object.keys(shapes)) {
    it(`has ${shape}: refused once, and nothing behind it is answered`, () => {
      const { statuses, text, isClosed } = answers.get(shape)!
      assert.ok(statuses.length <= 1, text)
      assert.ok(statuses.every((status) => status >= 400 && status < 500) || statuses[0] === 501, text)
      assert.doesNotMatch(text, /NO_SUCH_PATH/, 'what was hidden was read as a request')
      assert.ok(isClosed, 'the connection is not used again')
    })
  }

  it('has two hosts: refused', async () => {
    const { api } = await theMesh()
    const { statuses } = await sendRaw(api.url, 'GET /v1/wallets HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n')
    assert.deepEqual(statuses, [400])
  })

  it('has a header on two lines, or with a carriage return: it is one header, and its text is no length', async () => {
    const { api } = await theMesh()
    for (const header of ['x-a: b\r\n content-length: 36', 'x-a: b\rcontent-length: 36']) {
      const { statuses } = await sendRaw(api.url, post(header, hidden))
      assert.deepEqual(statuses, [400, 404], 'a request without a body, and the next')
    }
  })

  it('is none of these: two requests in a row are two answers', async () => {
    const { api } = await theMesh()
    const { statuses } = await sendRaw(api.url, `${hidden}${hidden}`)
    assert.deepEqual(statuses, [404, 404])
  })
})
