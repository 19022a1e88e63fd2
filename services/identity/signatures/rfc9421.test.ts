// The examples of RFC 9421, appendix B.2, as far as their algorithms are taken here.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Secret } from '../../runtime/secret.js'
import { compareDigest } from './content-digest.js'
import { isEd25519PublicKey, isSignatureOf, type VerifyingKey } from './signature-algorithm.js'
import { signatureBase } from './signature-base.js'
import { readSignature } from './signature-input.js'

const body = Buffer.from('{"hello": "world"}')
const message = {
  method: 'POST',
  target: '/foo?param=Value&Pet=dog',
  headers: {
    date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'content-type': 'application/json',
    'content-length': '18',
    'content-digest':
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
  },
}

interface Vector {
  readonly name: string
  readonly key: VerifyingKey
  readonly params: string
  readonly base: string
  readonly signature: string
}

const vectors: readonly Vector[] = [
  {
    name: 'B.2.5, hmac-sha256',
    key: {
      algorithm: 'hmac-sha256',
      secret: new Secret(
        Buffer.from(
          'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
          'base64',
        ),
      ),
    },
    params: '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    base: `"date": Tue, 20 Apr 2021 02:07:55 GMT
"@authority": example.com
"content-type": application/json
"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"`,
    signature: 'pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=',
  },
  {
    name: 'B.2.6, ed25519',
    key: {
      algorithm: 'ed25519',
      publicKey: Buffer.from('JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=', 'base64'),
    },
    params:
      '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    base: `"date": Tue, 20 Apr 2021 02:07:55 GMT
"@method": POST
"@path": /foo
"@authority": example.com
"content-type": application/json
"content-length": 18
"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`,
    signature: 'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==',
  },
]

describe('RFC 9421', () => {
  for (const { name, key, params, base, signature } of vectors) {
    it(`${name}: the signature verifies`, () => {
      assert.ok(isSignatureOf(key, Buffer.from(base), Buffer.from(signature, 'base64')))
    })

    it(`${name}: any other byte of base or signature does not`, () => {
      const [signed, good] = [Buffer.from(base), Buffer.from(signature, 'base64')]
      const flip = (bytes: Buffer, at: number, by: number) =>
        Buffer.from(bytes.map((byte, index) => (index === at % bytes.length ? byte ^ by : byte)))
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, by) => {
          assert.ok(!isSignatureOf(key, flip(signed, at, by), good))
          assert.ok(!isSignatureOf(key, signed, flip(good, at, by)))
        }),
        { numRuns: 200 },
      )
      assert.ok(!isSignatureOf(key, signed, good.subarray(1)) && !isSignatureOf(key, signed, Buffer.alloc(0)))
    })

    it(`${name}: the base is built line by line`, () => {
      // The authority is not taken here, since the edge strips ports from it; the other lines are.
      const components = [...params.matchAll(/"([^"]+)"(?=[ )])/g)].map(([, component = '']) => component)
      const built = signatureBase(
        message,
        components.filter((component) => component !== '@authority'),
        params,
      )
      assert.deepEqual(built, { base: base.replace('"@authority": example.com\n', '') })
    })
  }

  it('2.2.7: a query is signed with its question mark, and the mark alone where there is none', () => {
    const baseOf = (target: string) => signatureBase({ ...message, target }, ['@path', '@query'], '()')
    assert.deepEqual(baseOf('/foo?a=1?b'), { base: '"@path": /foo\n"@query": ?a=1?b\n"@signature-params": ()' })
    assert.deepEqual(baseOf('/foo'), { base: '"@path": /foo\n"@query": ?\n"@signature-params": ()' })
    assert.deepEqual(baseOf('/foo?'), { base: '"@path": /foo\n"@query": ?\n"@signature-params": ()' })
  })

  it('2.5: what is covered must be there, and is no property that every object has', () => {
    assert.deepEqual(signatureBase(message, ['@path', 'x-gone'], '()'), { missing: 'x-gone' })
    assert.deepEqual(signatureBase(message, ['constructor'], '()'), { missing: 'constructor' })
  })
})

describe('content-digest', () => {
  const { 'content-digest': sha512 } = message.headers
  const sha256 = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'
  for (const [name, header, expected] of [
    ['the SHA-512 of RFC 9421', sha512, 'same'],
    ['the SHA-256 of RFC 9530', sha256, 'same'],
    ['both', `${sha256}, ${sha512}`, 'same'],
    ['one beside an algorithm that is not known', `md5=:AAAA:, ${sha256}`, 'same'],
    ['one of two that is wrong', `${sha512}, ${sha256.replace('X4', 'X5')}`, 'other'],
    ['one cut short', 'sha-256=:X48E:', 'other'],
    ['text', 'sha-256="X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="', 'unreadable'],
    ['only what is not known', 'md5=:AAAA:', 'unreadable'],
    ['nothing', '', 'unreadable'],
    ['no dictionary', 'sha-256=:', 'unreadable'],
  ] as const) {
    it(`of ${name}: ${expected}`, () => {
      assert.equal(compareDigest(header, body), expected)
    })
  }

  it('is of every byte of the body', () => {
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const other = body.map((byte, index) => (index === at ? byte ^ by : byte))
        assert.equal(compareDigest(sha512, other), 'other')
      }),
    )
  })
})

describe('an Ed25519 public key', () => {
  it('is 32 bytes, and no point under which everybody can sign', () => {
    assert.ok(isEd25519PublicKey(Buffer.from('JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=', 'base64')))
    for (const hex of ['', '26'.repeat(31), '00'.repeat(32), `01${'00'.repeat(31)}`, `${'00'.repeat(31)}80`]) {
      assert.ok(!isEd25519PublicKey(Buffer.from(hex, 'hex')), hex)
    }
  })
})

describe('signature-input', () => {
  const params = 'created=1;keyid="k";nonce="0123456789abcdef"'
  const bytes = ':AAAA:'

  it('is read under any label', () => {
    const read = readSignature(`x-1.a=("@method" "date");${params};tag="t";alg="ed25519"`, `x-1.a=${bytes}`)
    assert.deepEqual(read, {
      value: {
        components: ['@method', 'date'],
        signatureParams: `("@method" "date");${params};tag="t";alg="ed25519"`,
        keyId: 'k',
        nonce: '0123456789abcdef',
        created: 1,
        expires: undefined,
        algorithm: 'ed25519',
        signature: Buffer.alloc(3),
      },
    })
  })

  for (const [name, input, signature, problem] of [
    ['nothing', '', '', /signature-input must have exactly one member/],
    ['no dictionary', '(', `a=${bytes}`, /not a dictionary/],
    ['two', `a=();${params}, b=();${params}`, `a=${bytes}`, /exactly one/],
    ['two signatures', `a=();${params}`, `a=${bytes}, b=${bytes}`, /exactly one/],
    ['another label', `a=();${params}`, `b=${bytes}`, /same member/],
    ['no list', `a=1;${params}`, `a=${bytes}`, /in parentheses/],
    ['a signature in text', `a=();${params}`, 'a="AAAA"', /bytes/],
    ['no created', 'a=();keyid="k";nonce="0123456789abcdef"', `a=${bytes}`, /created is missing/],
    ['created with a fraction', `a=();${params.replace('=1', '=1.5')}`, `a=${bytes}`, /created must be/],
    ['expires as text', `a=();${params};expires="2"`, `a=${bytes}`, /expires must be/],
    ['no nonce', 'a=();created=1;keyid="k"', `a=${bytes}`, /nonce is missing/],
    ['a short nonce', 'a=();created=1;keyid="k";nonce="0123456789abcde"', `a=${bytes}`, /16 to 64/],
    ['a long nonce', `a=();created=1;keyid="k";nonce="${'0'.repeat(65)}"`, `a=${bytes}`, /16 to 64/],
    ['a nonce as token', 'a=();created=1;keyid="k";nonce=a123456789abcdef', `a=${bytes}`, /nonce must be/],
    ['no keyid', 'a=();created=1;nonce="0123456789abcdef"', `a=${bytes}`, /keyid is missing/],
    ['an empty keyid', 'a=();created=1;keyid="";nonce="0123456789abcdef"', `a=${bytes}`, /keyid must/],
    ['alg as token', `a=();${params};alg=ed25519`, `a=${bytes}`, /alg must/],
    ['a component twice', `a=("date" "date");${params}`, `a=${bytes}`, /once/],
    ['a component with a parameter', `a=("date";sf);${params}`, `a=${bytes}`, /without parameters/],
    ['a component in capitals', `a=("Date");${params}`, `a=${bytes}`, /lower case/],
    ['a component that is not known', `a=("@target-uri");${params}`, `a=${bytes}`, /must be "@method"/],
    ['a component that is no text', `a=(date);${params}`, `a=${bytes}`, /must be "@method"/],
  ] as const) {
    it(`is refused with ${name}`, () => {
      const read = readSignature(input, signature)
      assert.ok('problem' in read)
      assert.match(read.problem, problem)
    })
  }

  it('of any text is read or refused, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (input, signature) => {
        readSignature(input, signature)
        readSignature(`a=(${input});${params}`, `a=:${signature}:`)
      }),
      { numRuns: 500 },
    )
  })
})
