// The provider itself, without its HTTP: takes transfers by their scripts, decides them in time and calls back.
import { randomBytes, randomUUID } from 'node:crypto'
import { type CallbackEvent, type CallbackSettings, sendCallback, waited } from './callback.js'
import { type CallbackPlan, conventionalScript, type OutcomePlan, type Plan, planOf, type Script } from './script.js'
import { isSameTransfer, type Transfer, type TransferBook, type TransferRequest } from './transfer-book.js'

/** What is to be answered to a request. */
export type Reply =
  | { readonly kind: 'transfer'; readonly transfer: Transfer }
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message: string }
  | { readonly kind: 'page' }
  /** The connection stays open and silent. */
  | { readonly kind: 'nothing' }
  /** The connection is reset. */
  | { readonly kind: 'reset' }

/** The script of a destination that has none of its own. */
export const ANY_DESTINATION = '*'

const REASON_DEFAULT = 'ACCOUNT_CLOSED'

export class Provider {
  readonly book: TransferBook
  readonly #callbacks: CallbackSettings
  readonly #scripts = new Map<string, Script>()

  constructor(book: TransferBook, callbacks: CallbackSettings) {
    this.book = book
    this.#callbacks = callbacks
    // What an earlier process had accepted is decided now, as its caller was promised.
    for (const { id, status } of book.list()) {
      if (status === 'ACCEPTED') void this.#decide(id, planOf({ behaviour: 'settle' }, 1), REASON_DEFAULT)
    }
  }

  /** Undefined takes the script away. `destination` is any value of a destination, or ANY_DESTINATION. */
  script(destination: string, script: Script | undefined): void {
    if (script === undefined) this.#scripts.delete(destination)
    else this.#scripts.set(destination, script)
  }

  /** Whether nobody is reached at all. */
  get isDown(): boolean {
    return this.#scripts.get(ANY_DESTINATION)?.behaviour === 'down'
  }

  async post(request: TransferRequest): Promise<Reply> {
    if (this.book.isFull) return { kind: 'error', status: 503, code: 'FULL', message: 'The simulator is full.' }
    const posts = this.book.countPost(request.id)
    const script = this.#scriptOf(Object.values(request.destination))
    const plan = planOf(script, posts)
    const known = this.book.find(request.id)
    if (known !== undefined && !isSameTransfer(known, request)) {
      return { kind: 'error', status: 409, code: 'ID_REUSED', message: 'The id is of another transfer.' }
    }
    if (known === undefined && plan.outcomes.length > 0) return await this.#take(request, plan, script)
    return replyOf(plan, known ?? request.id, this.book)
  }

  async #take(request: TransferRequest, plan: Plan, script: Script): Promise<Reply> {
    const accepted = this.book.accept(request)
    const decided = this.#decide(request.id, plan, script.reason ?? REASON_DEFAULT)
    if (plan.answer !== 'transfer-after-callback') return replyOf(plan, accepted, this.book)
    await decided
    // As it was when the request came: the answer is older than the callback.
    return { kind: 'transfer', transfer: accepted }
  }

  /** Runs to the first wait before it returns, so that what is decided at once is so in the answer. */
  async #decide(id: string, { outcomes }: Plan, reason: string): Promise<void> {
    for (const plan of outcomes) {
      if (plan.afterMs > 0 && !(await waited(plan.afterMs, this.#callbacks.signal))) return
      await this.#callBack(this.book.decide(id, plan.outcome, reason), plan)
    }
  }

  async #callBack(transfer: Transfer, { outcome, callbacks }: OutcomePlan): Promise<void> {
    const firstId = randomUUID()
    for (const [index, plan] of callbacks.entries()) {
      const eventId = index === 0 || plan.eventId === 'first' ? firstId : randomUUID()
      const settings = plan.fault === 'signature' ? { ...this.#callbacks, secret: strangeSecret() } : this.#callbacks
      const event = { ...eventOf(transfer, plan), event_id: `evt_${eventId}`, status: outcome }
      if (await sendCallback(transfer.callback_url, event, settings)) this.book.countDelivered(transfer.id)
    }
  }

  #scriptOf(destination: readonly string[]): Script {
    const own = destination.map((value) => this.#scripts.get(value)).find((script) => script !== undefined)
    return own ?? this.#scripts.get(ANY_DESTINATION) ?? conventionalScript(destination)
  }
}

function replyOf({ answer }: Plan, transfer: Transfer | string, book: TransferBook): Reply {
  switch (answer) {
    case 'nothing':
      return { kind: 'nothing' }
    case 'page':
      return { kind: 'page' }
    case 'reset':
      return { kind: 'reset' }
    case 'unavailable':
      return { kind: 'error', status: 503, code: 'UNAVAILABLE', message: 'Try again.' }
    case 'invalid':
      return { kind: 'error', status: 422, code: 'DESTINATION_UNKNOWN', message: 'There is no such destination.' }
    case 'transfer':
    case 'transfer-after-callback': {
      const found = book.find(typeof transfer === 'string' ? transfer : transfer.id)
      if (found === undefined) throw new Error('a plan that answers a transfer takes it')
      return { kind: 'transfer', transfer: found }
    }
  }
}

function eventOf(transfer: Transfer, { fault }: CallbackPlan): Omit<CallbackEvent, 'event_id' | 'status'> {
  const { id, reference, reason, amount, currency } = transfer
  return {
    id: fault === 'id' ? randomUUID() : id,
    reference,
    ...(reason === undefined ? {} : { reason }),
    amount: fault === 'amount' ? String(BigInt(amount) + 1n) : amount,
    currency,
    time: new Date().toISOString(),
  }
}

function strangeSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}
