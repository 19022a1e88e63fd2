// The provider itself, without its HTTP: takes transfers by their scripts, decides them in time and calls back.
import { randomBytes, randomUUID } from 'node:crypto'
import {
  type CallbackEvent,
  type CallbackSettings,
  sendCallback,
  signCallback,
  type SignedCallback,
  waited,
} from './callback.js'
import {
  type CallbackPlan,
  conventionalScript,
  type Outcome,
  type OutcomePlan,
  type Plan,
  planOf,
  type Script,
} from './script.js'
import { isSameTransfer, type Transfer, type TransferBook, type TransferRequest } from './transfer-book.js'

/** What is to be answered to a request. */
export type Reply =
  /** With the status that goes with it, unless another is given. */
  | { readonly kind: 'transfer'; readonly transfer: Transfer; readonly status?: number }
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message: string }
  /** Of something on the way. */
  | { readonly kind: 'page'; readonly status?: number }
  /** There is no such transfer. */
  | { readonly kind: 'unknown'; readonly id: string }
  /** The connection stays open and silent. */
  | { readonly kind: 'nothing' }
  /** The connection is reset. */
  | { readonly kind: 'reset' }

/** The script of a destination that has none of its own. */
export const ANY_DESTINATION = '*'

export const notFound: Reply = {
  kind: 'error',
  status: 404,
  code: 'NOT_FOUND',
  message: 'There is no such path.',
}

const REASON_DEFAULT = 'ACCOUNT_CLOSED'

export class Provider {
  readonly book: TransferBook
  readonly #callbacks: CallbackSettings
  readonly #scripts = new Map<string, Script>()
  readonly #onTheirWay = new Map<string, () => void>()

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
    if (known === undefined && plan.takesIn === 'after-question') {
      this.#onTheirWay.set(request.id, () => void this.#take(request, plan, script))
    } else if (known === undefined && plan.takesIn) return await this.#take(request, plan, script)
    return replyOf(plan, known ?? request.id, this.book)
  }

  /** What a question about a transfer is answered. */
  poll(id: string): Reply {
    this.book.countPoll(id)
    const transfer = this.book.find(id)
    if (transfer === undefined) {
      this.#arrive(id)
      return { kind: 'unknown', id }
    }
    const { poll } = this.#scriptOf(Object.values(transfer.destination))
    switch (poll) {
      case 'nothing':
      case 'reset':
        return { kind: poll }
      case 'page':
        return { kind: 'page', status: 404 }
      case 'error':
        return notFound
      case 'unknown':
        return { kind: 'unknown', id }
      case 'other-unknown':
        return { kind: 'unknown', id: randomUUID() }
      case 'other-amount':
        return { kind: 'transfer', transfer: withOtherAmount(transfer), status: 200 }
      case undefined:
        return { kind: 'transfer', transfer, status: 200 }
    }
  }

  /** Takes in what is on its way. */
  arrive(): void {
    for (const id of [...this.#onTheirWay.keys()]) this.#arrive(id)
  }

  #arrive(id: string): void {
    const takeIn = this.#onTheirWay.get(id)
    this.#onTheirWay.delete(id)
    // The same request, sent again, may have come before it.
    if (this.book.find(id) === undefined) takeIn?.()
  }

  /** Makes up its mind about a transfer, whatever it had in mind. Tells nobody. */
  decide(id: string, outcome: Outcome, reason = REASON_DEFAULT): Transfer {
    return this.book.decide(id, outcome, reason)
  }

  /** As `decide`, and calls back. */
  decideAloud(id: string, outcome: Outcome, reason?: string): void {
    const plan: OutcomePlan = { outcome, afterMs: 0, callbacks: [{ eventId: 'new' }] }
    void this.#callBack(this.decide(id, outcome, reason), plan)
  }

  /** A callback about a transfer as it stands, with what is to be otherwise in it, signed and not sent. */
  signedCallback(id: string, change: Readonly<Record<string, unknown>>): SignedCallback {
    const transfer = this.book.known(id)
    const told = { ...eventOf(transfer, { eventId: 'new' }), event_id: `evt_${randomUUID()}`, status: transfer.status }
    const event: Record<string, unknown> = { ...told, ...change }
    return signCallback(String(event['event_id']), JSON.stringify(event), this.#callbacks.secret)
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
    case 'page-422':
      return { kind: 'page', status: 422 }
    case 'refusing-error':
      return { kind: 'transfer', transfer: { ...found(transfer, book), status: 'REFUSED' }, status: 500 }
    case 'unprocessable-transfer':
      return { kind: 'transfer', transfer: found(transfer, book), status: 422 }
    case 'other-amount':
      return { kind: 'transfer', transfer: withOtherAmount(found(transfer, book)) }
    case 'unnamed-transfer':
      return { kind: 'transfer', transfer: { ...found(transfer, book), reference: '' } }
    case 'transfer':
    case 'transfer-after-callback':
      return { kind: 'transfer', transfer: found(transfer, book) }
  }
}

/** A plan that answers a transfer takes it in. */
function found(transfer: Transfer | string, book: TransferBook): Transfer {
  return book.known(typeof transfer === 'string' ? transfer : transfer.id)
}

function withOtherAmount(transfer: Transfer): Transfer {
  return { ...transfer, amount: oneMore(transfer.amount) }
}

function oneMore(amount: string): string {
  return String(BigInt(amount) + 1n)
}

function eventOf(transfer: Transfer, { fault }: CallbackPlan): Omit<CallbackEvent, 'event_id' | 'status'> {
  const { id, reference, reason, amount, currency } = transfer
  return {
    id: fault === 'id' ? randomUUID() : id,
    reference,
    ...(reason === undefined ? {} : { reason }),
    amount: fault === 'amount' ? oneMore(amount) : amount,
    currency,
    time: new Date().toISOString(),
  }
}

function strangeSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}
