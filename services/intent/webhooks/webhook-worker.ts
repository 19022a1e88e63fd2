// Sends deliveries. Every replica runs one.
//
// Attempts run beside each other and nobody waits for the slowest: an endpoint has a few places, and those that keep
// failing have one each and half of all places together, so that the dead never delay the living. No transaction is open
// while anything is sent.
import { type Pool } from 'pg'
import { type Keyring } from '../../runtime/keyring.js'
import { type Logger } from '../../runtime/logger.js'
import { type Secret } from '../../runtime/secret.js'
import { Loop } from '../../runtime/loop.js'
import {
  type AttemptResult,
  claimDeliveries,
  type DueDelivery,
  forgetDeliveries,
  recordAttempt,
} from './webhook-delivery-store.js'
import { sendMessage, type SenderDeps, type SendOutcome } from './webhook-sender.js'
import { secretContext, signatureHeader } from './webhook-signature.js'
import { retryDelayMs, webhookId } from './webhook.js'

export interface WebhookWorkerDeps {
  readonly pool: Pool
  readonly keyring: Keyring
  readonly sender: SenderDeps
  readonly nowMs: () => number
  readonly random: () => number
  readonly log: Logger
}

// Each holds a socket and a body of about a kilobyte.
const attemptsMax = 64
const perEndpointMax = 4
// So many failures in a row are no hiccup.
const failuresMax = 3
const failingAttemptsMax = attemptsMax / 2
// Endpoints of which it is remembered that they fail.
const failingMax = 10_000
// Three times what an attempt may take: then its process is gone.
const leaseMs = 30_000
const restMs = 500
const restMsMax = 5_000
const keptMs = 30 * 24 * 3_600_000
const forgottenMax = 1_000
const forgetEveryMs = 60_000

export class WebhookWorker {
  readonly #deps: WebhookWorkerDeps
  readonly #loop: Loop
  readonly #stop = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  readonly #busy = new Map<string, number>()
  /** Failures in a row by endpoint; none when the last attempt went well. */
  readonly #failures = new Map<string, number>()
  #forgetTimeMs = 0

  constructor(deps: WebhookWorkerDeps) {
    const { random, log } = deps
    this.#deps = deps
    this.#loop = new Loop({ name: 'webhooks', work: () => this.startDue(), restMs, restMsMax, random, log })
  }

  start(): void {
    this.#loop.start()
  }

  /** Looks for deliveries at once. */
  nudge(): void {
    this.#loop.nudge()
  }

  /** Gives up what is under way; whoever runs next sends it again when its lease is over. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loop.stop()
    await this.settled()
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  /** Starts the attempts that are due and for which there is room; true when there may be more at once. */
  async startDue(): Promise<boolean> {
    await this.#forgetOld()
    const countMax = attemptsMax - this.#underWay.size
    if (countMax <= 0) return false
    const room = { countMax, perEndpointMax, endpoints: this.#roomOfKnown() }
    const due = await claimDeliveries(this.#deps.pool, this.#deps.nowMs(), leaseMs, room)
    for (const delivery of due) this.#begin(delivery)
    return due.length === countMax
  }

  #roomOfKnown(): Map<string, number> {
    const busy = (id: string) => this.#busy.get(id) ?? 0
    const room = new Map<string, number>()
    for (const [id, count] of this.#busy) room.set(id, Math.max(0, perEndpointMax - count))
    // In the order in which they failed last, so that all of them get their turn.
    const failing = [...this.#failures].filter(([, count]) => count >= failuresMax).map(([id]) => id)
    let left = failingAttemptsMax - failing.reduce((sum, id) => sum + busy(id), 0)
    for (const id of failing) {
      const isFree = busy(id) === 0 && left > 0
      room.set(id, isFree ? 1 : 0)
      if (isFree) left -= 1
    }
    return room
  }

  #begin(delivery: DueDelivery): void {
    const { endpointId, id } = delivery
    this.#busy.set(endpointId, (this.#busy.get(endpointId) ?? 0) + 1)
    const attempt = this.#attempt(delivery)
      .catch((error: unknown) => {
        this.#deps.log.error({ err: error, delivery: id }, 'an attempt could not be made or recorded')
      })
      .finally(() => {
        this.#underWay.delete(attempt)
        this.#free(endpointId)
        this.#loop.nudge()
      })
    this.#underWay.add(attempt)
  }

  #free(endpointId: string): void {
    const count = (this.#busy.get(endpointId) ?? 1) - 1
    if (count === 0) this.#busy.delete(endpointId)
    else this.#busy.set(endpointId, count)
  }

  async #attempt(delivery: DueDelivery): Promise<void> {
    const { pool, nowMs, sender } = this.#deps
    const outcome = await sendMessage(sender, this.#messageOf(delivery), this.#stop.signal)
    const result = this.#resultOf(delivery, outcome)
    if (result === undefined) return
    this.#note(delivery.endpointId, result)
    await recordAttempt(pool, delivery, result, nowMs())
  }

  #messageOf({ endpointId, eventId, body, url, secrets }: DueDelivery) {
    const id = webhookId(eventId)
    const timestamp = Math.floor(this.#deps.nowMs() / 1000)
    const keys: Secret<Buffer>[] = secrets.map((wrapped) => {
      return this.#deps.keyring.unwrap(wrapped, secretContext(endpointId))
    })
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Paymesh-Webhooks/1',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureHeader(keys, id, timestamp, body),
    }
    return { url, headers, body }
  }

  #resultOf({ attempts, giveUpTimeMs }: DueDelivery, outcome: SendOutcome): AttemptResult | undefined {
    switch (outcome.kind) {
      case 'stopped':
        return undefined
      case 'delivered':
        return outcome
      case 'failed': {
        const retryTimeMs = this.#deps.nowMs() + Math.ceil(retryDelayMs(attempts, this.#deps.random()))
        return { ...outcome, retryTimeMs: retryTimeMs <= giveUpTimeMs ? retryTimeMs : undefined }
      }
    }
  }

  #note(endpointId: string, { kind }: AttemptResult): void {
    const failures = kind === 'delivered' ? 0 : (this.#failures.get(endpointId) ?? 0) + 1
    this.#failures.delete(endpointId)
    if (failures === 0) return
    this.#failures.set(endpointId, failures)
    if (this.#failures.size <= failingMax) return
    // Forgetting the one that failed longest ago costs it three quick attempts.
    const oldest = this.#failures.keys().next()
    if (oldest.done !== true) this.#failures.delete(oldest.value)
  }

  async #forgetOld(): Promise<void> {
    const nowMs = this.#deps.nowMs()
    if (nowMs < this.#forgetTimeMs) return
    const forgotten = await forgetDeliveries(this.#deps.pool, nowMs - keptMs, forgottenMax)
    if (forgotten < forgottenMax) this.#forgetTimeMs = nowMs + forgetEveryMs
  }
}
