import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { AuthorizationService, CheckRequest } from '../../../gen/envoy/service/auth/v3/external_auth.js'
import {
  type Client,
  ClientServiceService,
  DisableClientRequest,
  EnableClientRequest,
  RemoveKeyRequest,
} from '../../../gen/paymesh/identity/v1/client_service.js'
import { RoleServiceService } from '../../../gen/paymesh/identity/v1/role_service.js'
import type { SigningKey } from '../../../docs/examples/sign-request.js'
import { ExpiredRows } from '../expired-rows.js'
import { TestIdentity } from '../test/harness.js'
import { check, clientAdmin, newClient, newKeyOf, type Sent, signed } from '../test/signed-requests.js'

const minuteMs = 60_000

describe('Check', () => {
  let identity: TestIdentity
  let client: Client
  let key: SigningKey
  before(async () => {
    identity = await TestIdentity.start()
    ;({ client, key } = await newClient(identity))
  })
  after(() => identity.stop())

  const now = () => identity.clock.nowMs()
  const sign = (given = {}) => signed(key, now(), given)
  const ask = async (sent: Sent) => {
    const { status: code, reason } = await check(identity, sent)
    return `${code} ${reason}`
  }

  describe('passes', () => {
    it('what a secret signed, as the client, without roles or level, and takes the signature away', async () => {
      const { subject, answer } = await check(identity, sign())
      assert.deepEqual(subject, {
        name: client.name,
        session: '',
        roles: [],
        permissions: new Set(['intents:write', 'wallet:read']),
        tags: [],
        level: 0,
        actor: undefined,
      })
      assert.equal(answer.status?.code, status.OK)
      assert.ok(answer.httpResponse?.$case === 'okResponse')
      const { headers, headersToRemove } = answer.httpResponse.okResponse
      assert.deepEqual(headersToRemove, ['authorization', 'signature', 'signature-input', 'paymesh-on-behalf-of'])
      assert.deepEqual(headers[1]?.header, { key: 'x-paymesh-subject', value: client.name })
    })

    it('what an Ed25519 key signed, until the key ends', async () => {
      const short = await newKeyOf(identity, client, now() + minuteMs)
      assert.equal(await ask(signed(short, now())), '200 ')
      const late = signed(short, now())
      identity.clock.advance(minuteMs + 1000)
      assert.equal(await ask(late), '401 SIGNATURE_INVALID')
    })

    it('what has no body, and a digest of none', async () => {
      assert.equal(await ask(sign({ method: 'GET', url: 'https://x/v1/wallets', body: undefined })), '200 ')
      assert.equal(await ask(sign({ body: '' })), '200 ')
    })

    it('what covers more, names the algorithm of its key and has time left', async () => {
      const sent = sign()
      assert.equal(await ask({ ...sent, headers: { ...sent.headers, 'x-more': 'not covered' } }), '200 ')
    })

    for (const [name, offsetMs] of [
      ['almost five minutes ago', -299_000],
      ['almost five minutes ahead', 299_000],
    ] as const) {
      it(`what was signed ${name}`, async () => {
        assert.equal(await ask(signed(key, now() + offsetMs)), '200 ')
      })
    }
  })

  describe('refuses', () => {
    it('a replay, also with another body', async () => {
      const sent = sign()
      assert.equal(await ask(sent), '200 ')
      assert.equal(await ask(sent), '401 SIGNATURE_INVALID')
      const nonce = randomUUID()
      assert.equal(await ask(signed(key, now(), {}, nonce)), '200 ')
      assert.equal(await ask(signed(key, now(), { body: '{}' }, nonce)), '401 SIGNATURE_INVALID')
      const other = await newClient(identity)
      assert.equal(await ask(signed(other.key, now(), {}, nonce)), '200 ', 'a nonce is its client’s')
    })

    it('all but one of twenty replays at once', async () => {
      const sent = sign()
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(sent)))
      assert.equal(answers.filter((answer) => answer === '200 ').length, 1)
    })

    it('a replay after what expired was deleted', async () => {
      const sent = signed(key, now() + 299_000)
      assert.equal(await ask(sent), '200 ')
      identity.clock.advance(597_000)
      const expired = new ExpiredRows({ stores: [identity.parts.nonces], clock: identity.clock, log: identity.log })
      await expired.sweep()
      assert.equal(await ask(sent), '401 SIGNATURE_INVALID')
      identity.clock.advance(minuteMs * 10)
      await expired.sweep()
      await expired.stop()
      const { rows } = await identity.pool.query('select from nonces')
      assert.equal(rows.length, 0)
      assert.equal(await ask(sent), '401 SIGNATURE_NOT_CURRENT')
    })

    it('uses no nonce up for a signature that is not good', async () => {
      const sent = sign()
      assert.equal(await ask({ ...sent, body: '{}' }), '401 SIGNATURE_INVALID')
      assert.equal(await ask(sent), '200 ')
    })

    it('any other byte of what is covered, and every mix of two requests', async () => {
      const covered = ['method', 'path', 'body', 'content-digest', 'signature', 'signature-input'] as const
      const sent = sign()
      const change = (text: string, at: number, to: string) => text.slice(0, at) + to + text.slice(at + 1)
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...covered),
          fc.nat(),
          fc.string({ minLength: 1, maxLength: 1 }),
          async (part, place, to) => {
            const isHeader = !(part in sent)
            const text = isHeader ? sent.headers[part]! : sent[part as 'path']
            const changed = change(text, place % text.length, to)
            // What is written otherwise and means the same bytes: the last letter of a base64 text has spare bits, and
            // structured fields allow some spaces.
            fc.pre(changed !== text && meaning(part, changed) !== meaning(part, text))
            const other = isHeader
              ? { ...sent, headers: { ...sent.headers, [part]: changed } }
              : { ...sent, [part]: changed }
            assert.match(await ask(other), /^(400|401) SIGNATURE_/, `${part}: ${changed}`)
          },
        ),
        { numRuns: 150 },
      )
      assert.equal(await ask(sent), '200 ')
    })

    it('a key that is unknown, removed or of a client that is disabled, and an address from elsewhere, alike', async () => {
      const inside = await newClient(identity, { networks: ['198.51.100.0/24', '2001:db8::/32'] })
      const messages: string[] = []
      const refused = async (sent: Sent) => {
        const answer = await check(identity, sent)
        assert.deepEqual([answer.status, answer.reason], [401, 'SIGNATURE_INVALID'])
        messages.push(JSON.stringify(answer.answer))
      }
      await refused(signed(inside.key, now()))
      for (const address of ['198.51.100.9', '2001:db8::1', '::ffff:198.51.100.9']) {
        assert.equal(await ask({ ...signed(inside.key, now()), address }), '200 ', address)
      }
      await refused({ ...signed(inside.key, now()), address: '' })
      const strange = `${client.name}/keys/0198c0de-0000-7000-8000-000000000000`
      await refused(signed({ ...key, keyId: strange }, now()))
      await refused(signed({ ...key, keyId: 'nobody' }, now()))
      await refused(signed({ ...key, keyId: key.keyId.replace(client.name, inside.client.name) }, now()))
      await refused(signed({ keyId: key.keyId, secret: Buffer.alloc(32, 7).toString('base64') }, now()))
      const claims = clientAdmin
      const other = await newClient(identity)
      const name = other.client.name
      await identity.call(ClientServiceService.disableClient, DisableClientRequest.fromPartial({ name }), { claims })
      await refused(signed(other.key, now()))
      await identity.call(ClientServiceService.enableClient, EnableClientRequest.fromPartial({ name }), { claims })
      assert.equal(await ask(signed(other.key, now())), '200 ')
      const keyName = RemoveKeyRequest.fromPartial({ name: other.key.keyId })
      await identity.call(ClientServiceService.removeKey, keyName, { claims })
      await refused(signed(other.key, now()))
      assert.equal(new Set(messages).size, 1, 'one answer for all')
      assert.ok(identity.logged.some((line) => line.includes('the client is disabled')))
      assert.ok(!identity.logged.some((line) => line.includes(JSON.stringify(key).slice(-30))))
    })

    it('an algorithm that is not the key’s, whatever the request names', async () => {
      const edKey = await newKeyOf(identity, client)
      // HMAC under the public key: the confusion of keys that an algorithm chosen by the message would allow.
      const confused = signed({ keyId: edKey.keyId, secret: edKey.publicKey.toString('base64') }, now())
      assert.equal(await ask(confused), '401 SIGNATURE_INVALID')
      const named = (sent: Sent, alg: string) => ({
        ...sent,
        headers: { ...sent.headers, 'signature-input': `${sent.headers['signature-input']};alg="${alg}"` },
      })
      assert.equal(await ask(named(confused, 'hmac-sha256')), '401 SIGNATURE_INVALID')
      assert.equal(await ask(named(sign(), 'none')), '401 SIGNATURE_INVALID')
    })

    const without = (sent: Sent, ...names: string[]): Sent => ({
      ...sent,
      headers: Object.fromEntries(Object.entries(sent.headers).filter(([name]) => !names.includes(name))),
    })
    const input = (sent: Sent, from: string | RegExp, to: string): Sent => ({
      ...sent,
      headers: { ...sent.headers, 'signature-input': sent.headers['signature-input']!.replace(from, to) },
    })
    const cases: [string, () => Sent, string, RegExp][] = [
      ['no signature', () => without(sign(), 'signature'), '400 SIGNATURE_MALFORMED', /signature must have/],
      ['no signature-input', () => without(sign(), 'signature-input'), '400 SIGNATURE_MALFORMED', /exactly one/],
      ['no nonce', () => input(sign(), /;nonce="[^"]*"/, ''), '400 SIGNATURE_MALFORMED', /nonce is missing/],
      ['no created', () => input(sign(), /;created=\d+/, ''), '400 SIGNATURE_MALFORMED', /created is missing/],
      ['no method', () => input(sign(), '"@method" ', ''), '400 SIGNATURE_MALFORMED', /"@method" must be/],
      ['no path', () => input(sign(), '"@path" ', ''), '400 SIGNATURE_MALFORMED', /"@path" must be/],
      ['no query', () => input(sign(), '"@query" ', ''), '400 SIGNATURE_MALFORMED', /"@query" must be/],
      ['no digest', () => input(sign(), ' "content-digest"', ''), '400 SIGNATURE_MALFORMED', /"content-digest" must/],
      ['a digest that is gone', () => without(sign(), 'content-digest'), '400 SIGNATURE_MALFORMED', /has no content-/],
      [
        'a user that is not covered',
        () => ({ ...sign(), headers: { ...sign().headers, 'paymesh-on-behalf-of': 'users/x' } }),
        '400 SIGNATURE_MALFORMED',
        /"paymesh-on-behalf-of" must be covered/,
      ],
      [
        'a body that was cut',
        () => ({ ...sign(), headers: { ...sign().headers, 'x-envoy-auth-partial-body': 'true' } }),
        '400 SIGNATURE_MALFORMED',
        /too large/,
      ],
      ['a time long ago', () => signed(key, now() - 301_000), '401 SIGNATURE_NOT_CURRENT', /the time here is \d+/],
      ['a time far ahead', () => signed(key, now() + 302_000), '401 SIGNATURE_NOT_CURRENT', /300 seconds off/],
      [
        'a time that is over',
        () => input(sign(), /$/, `;expires=${Math.floor(now() / 1000)}`),
        '401 SIGNATURE_NOT_CURRENT',
        /expires is over/,
      ],
      [
        'another time',
        () => input(sign(), /created=\d+/, `created=${Math.floor(now() / 1000) - 60}`),
        '401 SIGNATURE_INVALID',
        /not good/,
      ],
    ]
    for (const [name, sent, expected, message] of cases) {
      it(`${name}: ${expected}`, async () => {
        const answer = await check(identity, sent())
        assert.equal(`${answer.status} ${answer.reason}`, expected)
        assert.match(answer.message, message)
      })
    }

    it('peers other than the edge', async () => {
      const call = identity.call(AuthorizationService.check, CheckRequest.fromPartial({}), { peer: 'intent' })
      await assert.rejects(call, { reason: 'PEER_NOT_ALLOWED' })
    })

    it('an empty question', async () => {
      const answer = await identity.call(AuthorizationService.check, CheckRequest.fromPartial({}))
      assert.equal(answer.httpResponse?.$case, 'deniedResponse')
    })
  })

  describe('for a client that acts for a user', () => {
    let ann: string
    before(async () => {
      ann = (await identity.registerVerified()).name
    })
    const permissions = ['intents:write', 'funding:write', 'refunds:write']
    const acting = (agent: SigningKey, user: string) => check(identity, signed(agent, now(), { onBehalfOf: user }))

    it('passes what both may, with the user’s tags and the client beside', async () => {
      const agent = await newClient(identity, { permissions, mayActFor: [ann] })
      const { subject } = await acting(agent.key, ann)
      assert.deepEqual(subject, {
        name: ann,
        session: '',
        roles: [],
        permissions: new Set(['intents:write']),
        tags: ['contact_verified'],
        level: 0,
        actor: agent.client.name,
      })
      // Nobody stands in for support, whose refunds are decisions of a person.
      for (const [role, wanted] of [
        ['support', ['intents:write']],
        ['merchant', ['intents:write', 'refunds:write']],
      ] as const) {
        await identity.call(RoleServiceService.grantRole, { user: ann, role }, { peer: 'operator' })
        const { subject: more } = await acting(agent.key, ann)
        assert.deepEqual([...more!.permissions].sort(), wanted)
      }
    })

    it('passes every user where it may act for all', async () => {
      const agent = await newClient(identity, { permissions, mayActFor: ['*'] })
      assert.equal((await acting(agent.key, ann)).subject?.name, ann)
    })

    it('refuses a user who is not named, who does not exist, and what is no user, alike', async () => {
      const nobody = 'users/0198c0de-0000-7000-8000-00000000dead'
      const agent = await newClient(identity, { permissions, mayActFor: [nobody] })
      const all = await newClient(identity, { permissions, mayActFor: ['*'] })
      for (const [who, user] of [
        [agent, ann],
        [agent, nobody],
        [all, nobody],
        [all, client.name],
        [all, '*'],
        [{ key }, ann],
      ] as const) {
        const answer = await acting(who.key, user)
        assert.deepEqual([answer.status, answer.reason], [403, 'ACTING_NOT_ALLOWED'], user)
      }
    })
  })
})

/** What a part of a request says, however it is written. */
function meaning(part: string, text: string): string {
  switch (part) {
    case 'content-digest':
    case 'signature': {
      const [, label = '', bytes = ''] = /^([^=]*)=:([^:]*):$/.exec(text) ?? []
      return bytes === '' ? text : `${label} ${Buffer.from(bytes, 'base64').toString('hex')}`
    }
    case 'signature-input':
      return text.replaceAll(/ +/g, ' ').replaceAll(/\( | \)|; | $|^ /g, (match) => match.trim())
    default:
      return text
  }
}
