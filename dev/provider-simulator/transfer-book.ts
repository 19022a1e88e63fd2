// What the provider has in its books: each transfer once, by the id that its caller gave it.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Outcome } from './script.js'

const text = z.string().min(1).max(200)

/** A POST's body. What a provider does not know it ignores. */
export const transferRequestSchema = z.object({
  id: z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/),
  /** Minor units. */
  amount: z.string().regex(/^[1-9]\d{0,37}$/),
  currency: z.string().regex(/^[A-Z][A-Z0-9]{2,11}$/),
  destination: z.record(text, text).refine((destination) => Object.keys(destination).length > 0),
  callback_url: z.url({ protocol: /^https?$/ }),
})
export type TransferRequest = z.infer<typeof transferRequestSchema>

const transferSchema = transferRequestSchema.extend({
  /** The provider's own id of it. */
  reference: z.string(),
  status: z.enum(['ACCEPTED', 'SETTLED', 'REFUSED']),
  reason: z.string().optional(),
})
/** A transfer as it stands. */
export type Transfer = z.infer<typeof transferSchema>

/** What tests and people look at. */
export interface TransferView extends Transfer {
  /** How often its id was posted and asked about, and how many callbacks of it were answered with 2xx. */
  readonly posts: number
  readonly polls: number
  readonly callbacksDelivered: number
}

// A simulator is for trying things out; whoever fills it wants to know rather than to lose memory.
const TRANSFERS_MAX = 100_000

/** The books of one simulator, in memory and, with a journal, over its restarts too. */
export class TransferBook {
  readonly #transfers = new Map<string, Transfer>()
  readonly #posts = new Map<string, number>()
  readonly #polls = new Map<string, number>()
  readonly #delivered = new Map<string, number>()
  readonly #journalFile: string | undefined

  constructor(journalFile?: string) {
    this.#journalFile = journalFile
    if (journalFile === undefined || !existsSync(journalFile)) return
    // A line that a kill cut short was never answered.
    for (const line of readFileSync(journalFile, 'utf8').split('\n').slice(0, -1)) {
      const transfer = transferSchema.parse(JSON.parse(line))
      this.#transfers.set(transfer.id, transfer)
    }
  }

  get isFull(): boolean {
    return this.#posts.size >= TRANSFERS_MAX
  }

  /** Counts a POST and returns how many there were of the id, this one included. */
  countPost(id: string): number {
    const posts = (this.#posts.get(id) ?? 0) + 1
    this.#posts.set(id, posts)
    return posts
  }

  countPoll(id: string): void {
    this.#polls.set(id, this.polls(id) + 1)
  }

  countDelivered(id: string): void {
    this.#delivered.set(id, (this.#delivered.get(id) ?? 0) + 1)
  }

  posts(id: string): number {
    return this.#posts.get(id) ?? 0
  }

  polls(id: string): number {
    return this.#polls.get(id) ?? 0
  }

  find(id: string): Transfer | undefined {
    return this.#transfers.get(id)
  }

  /** Takes a transfer in, not yet decided. */
  accept(request: TransferRequest): Transfer {
    const reference = `SIM-${String(this.#transfers.size + 1).padStart(8, '0')}`
    return this.#write({ ...request, reference, status: 'ACCEPTED' })
  }

  decide(id: string, status: Outcome, reason: string): Transfer {
    const { reason: _, ...transfer } = this.known(id)
    return this.#write({ ...transfer, status, ...(status === 'REFUSED' ? { reason } : {}) })
  }

  list(): TransferView[] {
    return [...this.#transfers.values()].map((transfer) => ({
      ...transfer,
      posts: this.posts(transfer.id),
      polls: this.polls(transfer.id),
      callbacksDelivered: this.#delivered.get(transfer.id) ?? 0,
    }))
  }

  /** Throws when it never took it in. */
  known(id: string): Transfer {
    const transfer = this.#transfers.get(id)
    if (transfer === undefined) throw new Error(`no transfer ${id} was accepted`)
    return transfer
  }

  #write(transfer: Transfer): Transfer {
    this.#transfers.set(transfer.id, transfer)
    if (this.#journalFile !== undefined) {
      appendFileSync(this.#journalFile, `${JSON.stringify(transfer)}\n`, { mode: 0o600 })
    }
    return transfer
  }
}

/** Whether a repeated id pays the same money to the same party; where callbacks go may have moved. */
export function isSameTransfer(transfer: Transfer, request: TransferRequest): boolean {
  const content = ({ amount, currency, destination }: TransferRequest) => ({ amount, currency, destination })
  return isDeepStrictEqual(content(transfer), content(request))
}
