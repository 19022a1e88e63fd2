import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Person, intentShape, newPerson, payment } from './api.js'
import { assertBooksBalance } from './books.js'
import { type MeshUnderTest, theMesh } from './mesh-under-test.js'
import { z } from 'zod'

/** Loops that pay, one request at a time each. */
const PAYERS = 8
/** Payments answered before SIGTERM is sent. */
const WARM_UP = 60

describe('SIGTERM under load', () => {
  let alice: Person
  let bob: Person

  before(async () => {
    const mesh = await theMesh()
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    await mesh.operator.fund(alice.wallet, 100_000_00n)
  })

  for (const service of ['intent', 'ledger', 'rules'] as const) {
    it(`to ${service}: every accepted request is answered, the exit code is 0, nothing is lost`, async () => {
      const mesh = await theMesh()
      // One and a half health checks, as in production: nothing is on its way to a process that closes its connections.
      await mesh.services[service].restart({ DRAIN_DELAY_MS: '1500' })
      await mesh.untilServed(alice.api)
      const startTime = new Date().toISOString()
      const before = await bob.api.wallet(bob.wallet)
      const outcomes = new Map<string, number>()
      let stopping = false

      const payer = async (): Promise<void> => {
        while (!stopping) {
          const requestId = randomUUID()
          outcomes.set(requestId, 0)
          // A connection that breaks without an answer would throw here and fail the test.
          const { status } = await alice.api.send(
            'POST',
            '/v1/intents',
            payment(alice.wallet, bob.wallet, 1_00n, requestId),
          )
          outcomes.set(requestId, status)
          if (status === 503) return
        }
      }
      const payers = Array.from({ length: PAYERS }, payer)
      const answered = () => [...outcomes.values()].filter((status) => status === 200).length
      await mesh.until('the load is running', () => Promise.resolve(answered() >= WARM_UP || undefined))

      const exit = await mesh.services[service].terminate()
      stopping = true
      await Promise.all(payers)
      assert.deepEqual(exit, { code: 0, signal: null })
      assert.deepEqual(
        [...outcomes.values()].filter((status) => status !== 200 && status !== 503),
        [],
      )

      await mesh.services[service].start({})
      await mesh.untilServed(alice.api)
      // A request that was refused before it was taken is 503, and so is one whose connection died under it.
      assert.deepEqual(await cutOff(mesh, alice, startTime), [])
      // What was answered 503 may or may not have happened; the same request again settles it, once.
      let received = 0n
      for (const requestId of outcomes.keys()) {
        const answer = await mesh.until('the request is answered', async () => {
          const again = await alice.api.send('POST', '/v1/intents', payment(alice.wallet, bob.wallet, 1_00n, requestId))
          return again.status === 503 ? undefined : again
        })
        assert.equal(answer.status, 200, JSON.stringify(answer.body))
        const { intent } = z.object({ intent: intentShape }).parse(answer.body)
        assert.equal(intent.state, 'INTENT_STATE_SETTLED')
        received += intent.payeeTotal!.minorUnits
      }
      const after = await bob.api.wallet(bob.wallet)
      assert.equal(after.available.minorUnits - before.available.minorUnits, received)
      await assertBooksBalance(mesh)
    })
  }
})

const logLine = z.looseObject({ time: z.string(), path: z.string().nullish(), details: z.string().nullish() })

/** The edge's records, from a time on, of payments whose service went away without an answer. */
async function cutOff(mesh: MeshUnderTest, { api }: Person, startTime: string): Promise<unknown[]> {
  const last = (await api.send('GET', '/v1/wallets')).headers.get('x-request-id') ?? ''
  assert.notEqual(last, '')
  const [file = ''] = mesh.logFiles().filter((name) => name.endsWith('envoy.log'))
  const log = await mesh.until('the edge has written its log', () => {
    const text = readFileSync(file, 'utf8')
    return Promise.resolve(text.includes(last) ? text : undefined)
  })
  return log
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => logLine.parse(JSON.parse(line)))
    .filter(({ time, path }) => path === '/v1/intents' && time >= startTime)
    .filter(({ details }) => /connection_termination|remote_reset/.test(details ?? ''))
}
