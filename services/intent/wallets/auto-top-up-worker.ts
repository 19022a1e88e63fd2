// Looks at the rules that are due, and fills wallets. Every replica runs one; see auto-top-up.ts for how a round goes.
import { type Pool } from 'pg'
import { z } from 'zod'
import { fromUint128 } from '../../runtime/ids.js'
import { type Logger } from '../../runtime/logger.js'
import { type AccountIds } from '../ledger/account-ids.js'
import { walletAccount } from '../ledger/account-names.js'
import { type AutoTopUp, type PendingTopUp, topUpCreator, topUpOrder, topUpRequestId } from './auto-top-up.js'
import {
  awaitRound,
  beginRound,
  claimAutoTopUps,
  endRound,
  failRound,
  nudgeAutoTopUps,
  rest,
} from './auto-top-up-store.js'
import { type ReachCrashPoint } from '../crash-points.js'
import { failureOf, type Intent, isFinal } from '../intents/intent.js'
import { type Ledger } from '../ledger/ledger-client.js'
import { Loop } from '../../runtime/loop.js'
import { type OutboxRow } from '../events/outbox-store.js'
import { type Payment, type Payments } from '../saga/payments.js'
import { orderHash } from '../intents/request-hash.js'
import { type WalletDirectory } from './wallet-directory.js'
import { type FanOut } from '../webhooks/webhook-fan-out.js'

export interface AutoTopUpDeps {
  readonly pool: Pool
  readonly ledger: Pick<Ledger, 'lookupAccounts'>
  readonly accountIds: AccountIds
  readonly wallets: Pick<WalletDirectory, 'find'>
  readonly payments: Pick<Payments, 'make' | 'replay'>
  readonly nowMs: () => number
  readonly random: () => number
  readonly crashPoint: ReachCrashPoint
  readonly log: Logger
}

const claimMax = 32
// Longer than a payment may take.
const leaseMs = 15_000
const paymentMsMax = 10_000
const restMs = 500
const restMsMax = 30_000

export function createAutoTopUpWorker(deps: AutoTopUpDeps): Loop {
  const { random, log } = deps
  return new Loop({ name: 'auto-top-up', work: () => topUpDue(deps), restMs, restMsMax, random, log })
}

/** Looks at what is due; true when there may be more. */
export async function topUpDue(deps: AutoTopUpDeps): Promise<boolean> {
  const due = await claimAutoTopUps(deps.pool, leaseMs, claimMax)
  if (due.length === 0) return false
  const available = await availableOf(deps, due)
  const results = await Promise.allSettled(due.map((rule) => look(deps, rule, available.get(rule.walletId))))
  for (const [index, result] of results.entries()) {
    // One wallet that cannot be filled must not stop the others; its lease is its back-off.
    if (result.status === 'rejected') {
      deps.log.warn({ err: result.reason as unknown, wallet: due[index]?.walletId }, 'could not top up')
    }
  }
  return due.length === claimMax
}

/** What may be spent now, by wallet; wallets without an account are left out. */
async function availableOf(
  { ledger, accountIds }: AutoTopUpDeps,
  rules: readonly AutoTopUp[],
): Promise<Map<string, bigint>> {
  const walletOf = new Map(
    rules.map(({ walletId }) => [fromUint128(accountIds.of(walletAccount(walletId))), walletId] as const),
  )
  const accounts = await ledger.lookupAccounts([...walletOf.keys()])
  return new Map(
    accounts.flatMap(({ id, creditsPosted, debitsPosted, debitsPending }) => {
      const walletId = walletOf.get(fromUint128(id))
      const minor = fromUint128(creditsPosted) - fromUint128(debitsPosted) - fromUint128(debitsPending)
      return walletId === undefined ? [] : [[walletId, minor] as const]
    }),
  )
}

async function look(deps: AutoTopUpDeps, rule: AutoTopUp, availableMinor: bigint | undefined): Promise<void> {
  if (rule.pending !== undefined) {
    await carryOut(deps, rule, rule.pending)
    return
  }
  if (availableMinor === undefined || availableMinor >= (rule.thresholdMinor ?? 0n)) {
    await rest(deps.pool, rule)
    return
  }
  deps.crashPoint('before-round')
  const begun = await beginRound(deps.pool, rule)
  deps.crashPoint('after-round')
  if (begun?.pending !== undefined) await carryOut(deps, begun, begun.pending)
}

/** Makes the payment of a round, or finds it made, and ends the round when there is an outcome. */
async function carryOut(deps: AutoTopUpDeps, rule: AutoTopUp, pending: PendingTopUp): Promise<void> {
  const { walletId, round } = rule
  const payment = await pay(deps, rule, pending)
  deps.crashPoint('after-top-up')
  switch (payment.kind) {
    case 'rests':
      await end(deps, walletId, round, payment.intent)
      return
    case 'reused':
    case 'amountTooLarge':
    case 'noRoom':
    case 'stepUpNeeded':
      await failRound(deps.pool, walletId, round, { reason: reasons[payment.kind], intentId: undefined })
      return
    case 'waiting':
    case 'undecided':
    case 'overloaded':
      // What became of it is not known, or nothing was done: the same again when the lease is over.
      deps.log.warn({ wallet: walletId, outcome: payment.kind }, 'a top-up is still unfinished')
  }
}

const reasons = {
  reused: 'REQUEST_ID_REUSED',
  amountTooLarge: 'AMOUNT_TOO_LARGE',
  noRoom: 'REFUND_EXCEEDS_SETTLED',
  stepUpNeeded: 'STEP_UP_REQUIRED',
}

/** One that waits for a person stays the round under way. */
async function end(deps: AutoTopUpDeps, walletId: string, round: bigint, intent: Intent): Promise<void> {
  if (!isFinal(intent)) {
    await awaitRound(deps.pool, walletId, round)
    return
  }
  if (intent.status.state === 'SETTLED') {
    await endRound(deps.pool, walletId, round, intent.id)
    return
  }
  const reason = failureOf(intent)?.reason ?? intent.status.state
  await failRound(deps.pool, walletId, round, { reason, intentId: intent.id })
}

async function pay(deps: AutoTopUpDeps, { walletId, round }: AutoTopUp, pending: PendingTopUp): Promise<Payment> {
  const [wallet, source] = await Promise.all([walletId, pending.sourceWalletId].map((id) => deps.wallets.find(id)))
  if (wallet === undefined || source === undefined) throw new Error(`a wallet of the rule of ${walletId} is gone`)
  const order = topUpOrder(walletId, wallet.assetCode, pending)
  const requestId = topUpRequestId(walletId, round)
  const key = { creator: topUpCreator, requestId, requestHash: orderHash('AutoTopUp', order) }
  // A round is looked at more than once, and need not be decided anew for it.
  const made = await deps.payments.replay(key)
  if (made !== undefined) return made
  // Nobody signed in for it, so nothing is known of the payer but who it is.
  const facts = {
    order,
    payerOwner: source.owner,
    payeeOwner: wallet.owner,
    payerTags: [],
    level: undefined,
    timeMs: deps.nowMs(),
  }
  return await deps.payments.make({ signal: AbortSignal.timeout(paymentMsMax) }, key, facts)
}

const debitShape = z.looseObject({
  data: z.looseObject({ state: z.enum(['AUTHORIZED', 'SETTLED']), payer: z.string() }),
})

/**
 * Has the rules of wallets that paid looked at, before their events are forgotten: a crash in between asks again. Told of
 * `onNudged` when there are some.
 */
export function createAutoTopUpTrigger(pool: Pool, onNudged: () => void): FanOut {
  return async (rows: readonly OutboxRow[]) => {
    const payers = rows.flatMap(({ events }) => events.flatMap(payingWallet))
    if (payers.length === 0) return
    if ((await nudgeAutoTopUps(pool, [...new Set(payers)])) > 0) onNudged()
  }
}

/** The wallet from which an event says that money went or is held. */
function payingWallet(event: unknown): string[] {
  const payer = debitShape.safeParse(event).data?.data.payer ?? ''
  return payer.startsWith('wallets/') ? [payer.slice('wallets/'.length)] : []
}
