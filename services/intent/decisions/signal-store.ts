// What payers did of late, in Valkey: what signals are measured from. Losable: nothing that a payment needs is here.
//
// A payment is remembered when its event leaves the outbox, a moment after it settled. Under `signals` stands since when
// all are remembered, and by which run of the server: a server that was emptied, restarted from an older copy or that
// evicted keys has forgotten something, nobody knows what, and remembering begins anew.
import { type Redis, ReplyError } from 'ioredis'
import { type Counter } from 'prom-client'
import { z } from 'zod'
import { Coalescer } from '../../runtime/coalesce.js'
import { type Logger } from '../../runtime/logger.js'
import { type OutboxRow } from '../events/outbox-store.js'
import { memoryMs, type PastPayment, type PaymentHistory, paymentsMax, signalsOf } from './signals.js'

/** A payment that signals are wanted for, or that settled. */
export interface MeasuredPayment {
  /** Whose history it is: the payer by the owner. */
  readonly payer: string
  readonly payee: string
  readonly assetCode: string
  readonly amountMinor: bigint
}

export interface SignalStoreDeps {
  /** A connection of its own: what waits on it is a payment. */
  readonly valkey: Redis
  /** The owner of a wallet; undefined when there is none. */
  readonly ownerOf: (walletId: string) => Promise<string | undefined>
  readonly nowMs: () => number
  /** Milliseconds that only move forward. */
  readonly elapsedMs: () => number
  /** How long a payment waits for what it can do without, at most. */
  readonly readMsMax: number
  readonly outcomes: Counter<'outcome'>
  readonly log: Logger
}

// After so many failures in a row signals are left out for a second without asking: a server that hangs costs few payments the
// time above.
const failuresMax = 5
const pauseMs = 1_000
const payeesMax = 1_000
// A payment's answer has up to 5 kB: small groups are read while the next ones are under way.
const readLimits = { itemsMax: 16, queueMax: 4_000, inFlightMax: 4 }

const stateKey = 'signals'
const paymentsKey = (payer: string, assetCode: string) => `signals.payments.${assetCode}.${payer}`
const payeesKey = (payer: string, assetCode: string) => `signals.payees.${assetCode}.${payer}`

// What is written stays whole while the server's run and its count of evicted keys are the same. Each payment is remembered
// once: `zadd NX` knows the intent. Times are in milliseconds.
const rememberScript = `
local run, evicted, now, gap = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local paymentsMax, payeesMax, memory = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local known = redis.call('hmget', KEYS[1], 'run', 'evicted')
if gap == '1' or known[1] ~= run or known[2] ~= evicted then
  redis.call('hset', KEYS[1], 'run', run, 'evicted', evicted, 'since', now)
end
local at = 8
for key = 2, #KEYS, 2 do
  local payments, payees = KEYS[key], KEYS[key + 1]
  local settled, member, payee = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  at = at + 3
  if redis.call('zadd', payments, 'NX', settled, member) == 1 then
    redis.call('zremrangebyrank', payments, 0, -1 - paymentsMax)
    redis.call('pexpire', payments, memory)
    redis.call('zadd', payees, 'GT', settled, payee)
    redis.call('zremrangebyrank', payees, 0, -1 - payeesMax)
    redis.call('pexpire', payees, memory)
  end
end`

// One text for each payment: when its payee was paid last ("-" for never), how many payees there are, and the payments, each as
// amount, payee, intent and time. The client reads texts fifty times faster than lists of lists.
const readScript = `
local state = redis.call('hmget', KEYS[1], 'run', 'since')
local texts = { (state[1] or '-') .. ' ' .. (state[2] or '-') }
for key = 2, #KEYS, 2 do
  local paid = redis.call('zscore', KEYS[key + 1], ARGV[key / 2]) or '-'
  local payments = redis.call('zrange', KEYS[key], 0, -1, 'withscores')
  texts[#texts + 1] = paid .. ' ' .. redis.call('zcard', KEYS[key + 1]) .. ' ' .. table.concat(payments, ' ')
end
return texts`

const settledEvent = z.looseObject({
  time: z.string(),
  data: z.looseObject({
    name: z.string(),
    state: z.literal('SETTLED'),
    payer: z.string().startsWith('wallets/'),
    payee: z.string(),
    amount: z.object({ assetCode: z.string(), minorUnits: z.string().regex(/^\d+$/) }),
    // A refund gives back what somebody else paid: it says nothing of the habits of whoever gives it.
    parent: z.undefined().optional(),
  }),
})

interface SettledPayment extends MeasuredPayment {
  readonly intentName: string
  readonly timeMs: number
}

export class SignalStore {
  readonly #deps: SignalStoreDeps
  readonly #reads: Coalescer<MeasuredPayment, PaymentHistory>
  /** The server's run; undefined until it is known, and again when the connection is lost. */
  #run: string | undefined
  /** A payment could not be remembered. */
  #hasGap = false
  #failures = 0
  #pausedUntilMs = -Infinity

  constructor(deps: SignalStoreDeps) {
    this.#deps = deps
    this.#reads = new Coalescer({ flush: (payments) => this.#read(payments), ...readLimits })
    const { valkey } = deps
    valkey.on('ready', () => void this.#learnRun())
    valkey.on('close', () => (this.#run = undefined))
    if (valkey.status === 'ready') void this.#learnRun()
  }

  /** The signals that can be told in time; never rejects. */
  async signalsOf(payment: MeasuredPayment): Promise<Record<string, bigint>> {
    const { nowMs, elapsedMs, outcomes, log } = this.#deps
    if (elapsedMs() < this.#pausedUntilMs) {
      outcomes.inc({ outcome: 'skipped' })
      return {}
    }
    try {
      const history = await within(this.#deps.readMsMax, this.#reads.add(payment))
      this.#failures = 0
      outcomes.inc({ outcome: 'read' })
      return signalsOf(history, payment.amountMinor, nowMs())
    } catch (error) {
      outcomes.inc({ outcome: 'failed' })
      this.#failures += 1
      if (this.#failures === failuresMax) log.warn({ err: error }, 'signals cannot be read; payments go on without')
      if (this.#failures >= failuresMax) this.#pausedUntilMs = elapsedMs() + pauseMs
      return {}
    }
  }

  /**
   * Remembers the payments that settled, of events that leave the outbox. Rejects when Valkey cannot be reached, as
   * publishing them would: they come again. What Valkey itself refuses is not remembered, and what was before it no longer
   * counts as whole.
   */
  async remember(rows: readonly OutboxRow[]): Promise<void> {
    const settled = rows.flatMap(({ events }) => events.flatMap((event) => settledPayment(event)))
    const payments = await Promise.all(settled.map((payment) => this.#byOwner(payment)))
    if (payments.length === 0) return
    try {
      await this.#write(payments)
      this.#hasGap = false
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error
      this.#hasGap = true
      this.#deps.log.error({ err: error, count: payments.length }, 'payments could not be remembered for signals')
    }
  }

  async #write(payments: readonly SettledPayment[]): Promise<void> {
    const { valkey, nowMs } = this.#deps
    const evicted = /^evicted_keys:(\d+)/m.exec(await valkey.info('stats'))?.[1] ?? ''
    const keys = payments.flatMap(({ payer, assetCode }) => [
      paymentsKey(payer, assetCode),
      payeesKey(payer, assetCode),
    ])
    const state = [this.#run ?? '', evicted, nowMs(), this.#hasGap ? 1 : 0, paymentsMax, payeesMax, memoryMs]
    const values = payments.flatMap((payment) => [payment.timeMs, memberOf(payment), payment.payee])
    const texts = [...state, ...values].map(String)
    await valkey.eval(rememberScript, 1 + keys.length, stateKey, ...keys, ...texts)
  }

  async #read(payments: readonly MeasuredPayment[]): Promise<PaymentHistory[]> {
    const keys = payments.flatMap(({ payer, assetCode }) => [
      paymentsKey(payer, assetCode),
      payeesKey(payer, assetCode),
    ])
    const payees = payments.map(({ payee }) => payee)
    const reply = await this.#deps.valkey.eval(readScript, 1 + keys.length, stateKey, ...keys, ...payees)
    const [state = '', ...texts] = z.array(z.string()).parse(reply)
    const completeSinceMs = this.#completeSinceMs(state)
    return texts.map((text) => ({ ...historyFrom(text), completeSinceMs }))
  }

  #completeSinceMs(state: string): number | undefined {
    const [run, since] = state.split(' ')
    return run === this.#run && since !== undefined && since !== '-' ? Number(since) : undefined
  }

  async #byOwner(payment: SettledPayment): Promise<SettledPayment> {
    const [payer, payee] = await Promise.all([this.#ownerOf(payment.payer), this.#ownerOf(payment.payee)])
    return { ...payment, payer, payee }
  }

  async #ownerOf(party: string): Promise<string> {
    const [, walletId] = /^wallets\/(.*)$/.exec(party) ?? []
    return (walletId === undefined ? undefined : await this.#deps.ownerOf(walletId)) ?? party
  }

  async #learnRun(): Promise<void> {
    try {
      this.#run = /^run_id:(\w+)/m.exec(await this.#deps.valkey.info('server'))?.[1]
    } catch (error) {
      // Without it nothing counts as whole.
      this.#deps.log.warn({ err: error }, 'Valkey does not say which run it is')
    }
  }
}

function settledPayment(event: unknown): SettledPayment[] {
  const parsed = settledEvent.safeParse(event)
  if (!parsed.success) return []
  const { time, data } = parsed.data
  const { name, payer, payee, amount } = data
  const { assetCode, minorUnits } = amount
  return [{ intentName: name, timeMs: Date.parse(time), payer, payee, assetCode, amountMinor: BigInt(minorUnits) }]
}

/** Words, none of which has a space in it. */
function memberOf({ intentName, amountMinor, payee }: SettledPayment): string {
  return `${amountMinor} ${encodeURIComponent(payee)} ${intentName}`
}

function historyFrom(text: string): Omit<PaymentHistory, 'completeSinceMs'> {
  const [payeePaid = '-', payeeCount = '0', ...words] = text.split(' ')
  const payments: PastPayment[] = []
  for (let index = 0; index + 3 < words.length; index += 4) {
    const [amount = '0', payee = '', , time = '0'] = words.slice(index, index + 4)
    payments.push({ timeMs: Number(time), amountMinor: BigInt(amount), payee })
  }
  const payeePaidMs = payeePaid === '-' ? undefined : Number(payeePaid)
  return { payments, payeePaidMs, payeesForgotten: Number(payeeCount) >= payeesMax }
}

/** The promise's outcome, or a rejection when it takes longer. */
function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => {
      reject(new Error(`no answer within ${timeoutMs} ms`))
    }
    // An answer that arrived while this process was busy is heard before the time is held to be over.
    const timer = setTimeout(() => setImmediate(late), timeoutMs)
    void promise.then(resolve, reject).finally(() => {
      clearTimeout(timer)
    })
  })
}
