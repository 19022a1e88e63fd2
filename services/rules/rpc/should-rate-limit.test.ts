import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import type pg from 'pg'
import { eventually } from '../../../dev/eventually.js'
import { testDatabase, testValkeyUrl } from '../../../dev/testing.js'
import {
  ShouldRateLimitRequest,
  type ShouldRateLimitResponse,
  ShouldRateLimitResponse_Code as Code,
} from '../../../gen/envoy/service/ratelimit/v3/rate_limit_service.js'
import { createPool } from '../../runtime/postgres.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { ValkeyProxy } from '../../runtime/test/valkey-proxy.js'
import { publishRuleSet } from '../publication.js'
import { parseRuleSet, RuleSetInvalidError } from '../rule-set.js'
import { type Replica, startReplica } from '../test/replica.js'

const perUser = { id: 'user', classes: ['READ'], per: 'USER', requests: 5, window_seconds: 3600 }

describe('ShouldRateLimit', () => {
  let pool: pg.Pool
  let proxy: ValkeyProxy
  let replicas: [Replica, Replica]
  const clients = new Map<Replica, ReturnType<Replica['rateClient']>>()
  let userCount = 0

  before(async () => {
    const url = await testDatabase('rules')
    pool = createPool({ url, max: 4, applicationName: 'test' })
    proxy = await ValkeyProxy.start(await testValkeyUrl())
    const valkeyUrl = proxy.url
    replicas = [await startReplica(url, { valkeyUrl }), await startReplica(url, { valkeyUrl })]
    for (const replica of replicas) clients.set(replica, replica.rateClient('edge'))
  })
  after(async () => {
    for (const replica of replicas) await replica.stop()
    await proxy.stop()
    await pool.end()
  })
  afterEach(() => {
    proxy.mend()
  })

  async function publish(...rateLimits: readonly object[]): Promise<void> {
    const document = { routes: [], fees: [], rate_limits: rateLimits }
    const { version } = await publishRuleSet(pool, { document, author: 'users/o', reason: 'test' })
    await eventually(() => replicas.every(({ published }) => published.newest?.version === version))
  }
  const newUser = () => `users/${(userCount += 1)}`
  const descriptor = (requestClass: string, key: string, value: string) => ({
    entries: [
      { key: 'class', value: requestClass },
      { key, value },
    ],
  })
  const ask = (descriptors: ReturnType<typeof descriptor>[], replica = replicas[0]) =>
    clients.get(replica)!.shouldRateLimit(ShouldRateLimitRequest.fromPartial({ domain: 'edge', descriptors }))
  const read = (subject: string, replica?: Replica) => ask([descriptor('READ', 'subject', subject)], replica)
  const header = ({ responseHeadersToAdd }: ShouldRateLimitResponse, name: string) =>
    responseHeadersToAdd.find(({ key }) => key === name)?.value

  it('lets through what fits, tells what is left, and then refuses and says when to come again', async () => {
    await publish(perUser)
    const [user, other] = [newUser(), newUser()]
    for (const left of [4, 3, 2, 1, 0]) {
      const answer = await read(user)
      assert.deepEqual([answer.overallCode, answer.statuses], [Code.OK, [{ code: Code.OK }]])
      assert.equal(header(answer, 'ratelimit-policy'), '"user";q=5;w=3600')
      assert.match(header(answer, 'ratelimit') ?? '', new RegExp(`^"user";r=${left};t=\\d+$`))
      assert.equal(header(answer, 'retry-after'), undefined)
    }
    const refused = await read(user)
    assert.deepEqual([refused.overallCode, refused.statuses], [Code.OVER_LIMIT, [{ code: Code.OVER_LIMIT }]])
    const retrySeconds = Number(header(refused, 'retry-after'))
    assert.ok(retrySeconds > 700 && retrySeconds <= 720, `a fifth of an hour: ${retrySeconds}`)
    assert.equal((await read(other)).overallCode, Code.OK, 'others are not concerned')
  })

  it('gives room back evenly', async () => {
    await publish({ ...perUser, requests: 2, window_seconds: 1 })
    const user = newUser()
    await read(user)
    await read(user)
    assert.equal((await read(user)).overallCode, Code.OVER_LIMIT)
    await eventually(async () => (await read(user)).overallCode === Code.OK)
    assert.equal((await read(user)).overallCode, Code.OVER_LIMIT, 'one place, not the whole window')
  })

  it('lets exactly as many of a crowd through, whichever replica they ask', async () => {
    await publish({ ...perUser, requests: 50 })
    const user = newUser()
    const crowd = Array.from({ length: 200 }, (_, at) => read(user, replicas[at % 2 === 0 ? 0 : 1]))
    const codes = (await Promise.all(crowd)).map(({ overallCode }) => overallCode)
    assert.equal(codes.filter((code) => code === Code.OK).length, 50)
  })

  it('counts nowhere what one of several limits refuses', async () => {
    const payments = { ...perUser, id: 'payments', classes: ['PAYMENT'], requests: 1 }
    const address = { ...perUser, id: 'address', classes: ['PAYMENT'], per: 'ADDRESS', requests: 100 }
    await publish(payments, address)
    const user = newUser()
    const pay = () =>
      ask([
        descriptor('PAYMENT', 'masked_remote_address', '203.0.113.7/32'),
        descriptor('PAYMENT', 'subject', user),
        descriptor('PAYMENT', 'nobody', 'knows'),
      ])
    assert.match(header(await pay(), 'ratelimit') ?? '', /"address";r=99;t=\d+, "payments";r=0;t=\d+/)
    for (const _ of [1, 2]) {
      const refused = await pay()
      const codes = [Code.OK, Code.OVER_LIMIT, Code.OK]
      assert.deepEqual(
        refused.statuses.map(({ code }) => code),
        codes,
      )
      assert.match(header(refused, 'ratelimit') ?? '', /"address";r=99;/)
    }
  })

  it('tells users, machine clients and addresses apart, and gives some numbers of their own', async () => {
    const byClient = { ...perUser, id: 'client', per: 'CLIENT', requests: 1 }
    const overrides = [{ subject: 'clients/big', requests: 3 }]
    await publish({ ...byClient, overrides }, { ...perUser, id: 'only', requests: 1, subjects: ['users/bad'] })
    const passing = async (subject: string) => {
      const answers = await Promise.all([1, 2, 3, 4].map(() => read(subject)))
      return answers.filter(({ overallCode }) => overallCode === Code.OK).length
    }
    assert.deepEqual(
      await Promise.all(['clients/small', 'clients/big', 'users/bad', 'users/good'].map(passing)),
      [1, 3, 1, 4],
    )
    const { responseHeadersToAdd } = await read('users/good')
    assert.deepEqual(responseHeadersToAdd, [], 'who is bound by nothing is told nothing')
  })

  it('only watches in the shadow, and lets no more at once than the burst', async () => {
    await publish({ ...perUser, id: 'shadow', requests: 1, shadow: true }, { ...perUser, requests: 100, burst: 2 })
    const user = newUser()
    const answers = []
    for (const _ of [1, 2, 3]) answers.push(await read(user))
    assert.deepEqual(
      answers.map(({ overallCode }) => overallCode),
      [Code.OK, Code.OK, Code.OVER_LIMIT],
    )
    assert.equal(header(answers[0]!, 'ratelimit-policy'), '"user";q=100;w=3600')
  })

  it('takes another number at once when it is published', async () => {
    await publish({ ...perUser, requests: 1 })
    const user = newUser()
    await read(user)
    assert.equal((await read(user)).overallCode, Code.OVER_LIMIT)
    await publish({ ...perUser, requests: 100 })
    assert.equal((await read(user)).overallCode, Code.OK)
    await publish({ ...perUser, requests: 1, enabled: false })
    assert.deepEqual((await read(user)).responseHeadersToAdd, [])
  })

  for (const [how, fail] of [
    ['is away', 'cut'],
    ['hangs', 'freeze'],
  ] as const) {
    it(`while Valkey ${how}, lets through or refuses as each limit says, and counts again afterwards`, async () => {
      const guarded = { ...perUser, id: 'guarded', classes: ['WRITE'], when_unavailable: 'DENY' }
      const watched = { ...guarded, id: 'watched', classes: ['PAYMENT'], shadow: true }
      await publish(perUser, guarded, watched)
      const user = newUser()
      await read(user)
      proxy[fail]()
      const answers = await Promise.all(
        ['READ', 'WRITE', 'PAYMENT'].map((each) => ask([descriptor(each, 'subject', user)])),
      )
      assert.deepEqual(
        answers.map(({ overallCode }) => overallCode),
        [Code.OK, Code.OVER_LIMIT, Code.OK],
      )
      assert.equal(header(answers[1]!, 'retry-after'), '1')
      proxy.mend()
      await eventually(async () => header(await read(user), 'ratelimit') !== undefined)
    })
  }

  it('answers the edge alone, and only about the edge', async () => {
    const refusal = async (asked: Promise<unknown>) => {
      const error: unknown = await asked.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      assert.ok(error instanceof RpcError)
      return error
    }
    const request = ShouldRateLimitRequest.fromPartial({ domain: 'other' })
    assert.equal((await refusal(replicas[0].rateClient('edge').shouldRateLimit(request))).reason, 'INVALID_FIELD')
    const stranger = await refusal(replicas[0].rateClient('intent').shouldRateLimit(request))
    assert.equal(stranger.code, status.PERMISSION_DENIED)
    const many = Array.from({ length: 9 }, () => descriptor('READ', 'subject', 'users/a'))
    assert.equal((await refusal(ask(many))).reason, 'INVALID_FIELD')
  })
})

describe('a rate limit', () => {
  for (const [problem, rule] of [
    ['rate_limits.0: burst is over requests', { ...perUser, burst: 6 }],
    [
      'rate_limits.0: burst is over requests',
      { ...perUser, overrides: [{ subject: 'users/a', requests: 1, burst: 2 }] },
    ],
    [
      'rate_limits.0.overrides: has a subject twice',
      {
        ...perUser,
        overrides: [
          { subject: 'users/a', requests: 1 },
          { subject: 'users/a', requests: 2 },
        ],
      },
    ],
    ['rate_limits.0.requests: Too small: expected number to be >=1', { ...perUser, requests: 0 }],
    ['rate_limits.0.window_seconds: Too big: expected number to be <=86400', { ...perUser, window_seconds: 86_401 }],
  ] as const) {
    it(`that is not one is refused: ${problem}`, () => {
      assert.throws(
        () => parseRuleSet({ routes: [], fees: [], rate_limits: [rule] }),
        (error) => error instanceof RuleSetInvalidError && error.problems.includes(problem),
      )
    })
  }

  it('stands once under its id', () => {
    assert.throws(() => parseRuleSet({ routes: [], fees: [], rate_limits: [perUser, perUser] }), /has an id twice/)
  })
})
