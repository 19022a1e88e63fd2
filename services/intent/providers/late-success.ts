// Payments that a provider made although their money was given back, maybe of another amount than was asked for: what it
// paid is booked from suspense to what the provider is owed, once, under an id of the intent's own. Somebody has to get the
// money back; the list says of whom.
import { type Pool } from 'pg'
import { type Logger } from '../../runtime/logger.js'
import { providerAccount, suspenseAccount } from '../ledger/account-names.js'
import { Loop } from '../../runtime/loop.js'
import { type ChainOutcome } from '../saga/chain-runner.js'
import { bookTryMax, type ChainPlan, TransferCode } from '../saga/chain.js'
import { type Intent, type Submission } from '../intents/intent.js'
import { type IntentStore } from '../intents/intent-store.js'
import {
  beginBooking,
  type Booking,
  type BookingTry,
  claimBookings,
  type DueBooking,
  finishBooking,
  noteDiscrepancy,
  tryBookingAgain,
} from './discrepancy-store.js'
import { payoutMinor } from './provider-message.js'

export interface LateSuccessDeps {
  readonly pool: Pool
  readonly store: Pick<IntentStore, 'byId'>
  readonly runChain: (intent: Intent, plan: ChainPlan) => Promise<ChainOutcome>
  readonly log: Logger
}

const claimMax = 32
// What is booked nobody waits for, but who looks at the books.
const restMs = 500
const restMsMax = 10_000

/** Puts a payment that was made, and whose hold can never be posted, on the list. */
export async function noteLateSuccess(
  { pool, newId, nowMs }: { readonly pool: Pool; readonly newId: () => string; readonly nowMs: () => number },
  intent: Intent,
  { provider, reference }: Submission,
): Promise<void> {
  const report = {
    transferId: intent.id,
    status: 'SETTLED',
    reference: reference ?? '',
    reason: '',
    amountMinor: payoutMinor(intent),
    currency: intent.assetCode,
  } as const
  await noteDiscrepancy(pool, {
    id: newId(),
    provider,
    kind: 'LATE_SUCCESS',
    intentId: intent.id,
    report,
    isToBook: true,
    nowMs: nowMs(),
  })
}

/** Books what is due, over and over; every replica runs one. */
export function createLateSuccessBooker(deps: LateSuccessDeps & { readonly random: () => number }): Loop {
  const { random, log } = deps
  return new Loop({ name: 'late successes', work: () => bookLateSuccesses(deps), restMs, restMsMax, random, log })
}

/** Books what is due; true when there may be more. */
async function bookLateSuccesses(deps: LateSuccessDeps): Promise<boolean> {
  const due = await claimBookings(deps.pool, claimMax)
  for (const booking of due) {
    // One broken booking must not stop the others; it is due again in half a minute.
    await book(deps, booking).catch((error: unknown) => {
      deps.log.error({ err: error, intent: booking.intentId }, 'a late success could not be booked')
    })
  }
  return due.length === claimMax
}

async function book(deps: LateSuccessDeps, due: DueBooking): Promise<void> {
  const intent = await deps.store.byId(due.intentId)
  if (intent === undefined) throw new Error(`intent ${due.intentId} is gone`)
  // An operator may have posted the hold in the Ledger itself.
  const first = intent.status.state === 'SETTLED' ? undefined : await beginBooking(deps.pool, due.id)
  if (first === undefined) await finishBooking(deps.pool, due.id, 'NOT_NEEDED')
  else await tryToBook(deps, intent, due, first)
}

/**
 * An account of the booking may be frozen. The Ledger has burnt the id of the try that it refused for that, so when the account
 * is open again, the next try has another; while it is not, no id is spent.
 */
async function tryToBook(deps: LateSuccessDeps, intent: Intent, due: DueBooking, booking: BookingTry): Promise<void> {
  const { id, provider } = due
  const { amountMinor, tryNumber } = booking
  const outcome = await deps.runChain(intent, bookingPlan(intent, { provider, amountMinor, tryNumber }))
  if (outcome.kind === 'applied') {
    await finishBooking(deps.pool, id, 'BOOKED')
    return
  }
  const isBurnt = outcome.kind === 'refused' && outcome.before && outcome.failure.reason !== 'ACCOUNT_CLOSED'
  if (isBurnt && tryNumber < bookTryMax && (await tryBookingAgain(deps.pool, id, tryNumber))) {
    await tryToBook(deps, intent, due, { amountMinor, tryNumber: tryNumber + 1 })
    return
  }
  const cause = outcome.kind === 'refused' ? outcome.failure.message : outcome.kind
  deps.log.warn({ intent: intent.id, cause, tryNumber }, 'a late success is not booked yet')
}

/** Step 4 of a payment: from suspense to what is owed to the provider. */
export function bookingPlan(
  { assetCode }: Intent,
  { provider, amountMinor, tryNumber }: Pick<Booking, 'provider' | 'amountMinor' | 'tryNumber'>,
): ChainPlan {
  const leg = {
    role: 'payee',
    debitAccount: suspenseAccount(provider, assetCode),
    creditAccount: providerAccount(provider, assetCode),
    amountMinor,
    code: TransferCode.LATE_SUCCESS,
  } as const
  return { assetCode, action: { kind: 'book', tryNumber }, legs: [leg] }
}
