// The bodies that go between us and a provider (docs/adding-a-channel.md): the only place that knows their form.
import { z } from 'zod'
import { amountMaxMinor, totalsOf } from '../decisions/decision.js'
import { type ExternalParty } from '../intents/external-party.js'
import { type Intent } from '../intents/intent.js'
import { type FinalReport, type ChannelOutcome } from './provider.js'

const text = (lengthMax: number) =>
  z
    .string()
    .max(lengthMax)
    .refine((value) => !value.includes('\u0000'))

const amount = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform(BigInt)
  .refine((minor) => minor <= amountMaxMinor)

const transfer = {
  id: text(64),
  reference: text(128).default(''),
  reason: text(140).default(''),
  amount,
  currency: text(16),
}
const answer = z.object({ ...transfer, status: z.enum(['ACCEPTED', 'SETTLED', 'REFUSED']) })
const unknownTransfer = z.object({ id: text(64), status: z.literal('UNKNOWN') })
const callback = z.object({ ...transfer, event_id: text(128).min(1), status: z.enum(['SETTLED', 'REFUSED']) })

/** What the payee gets, and so what the provider is asked to pay: fees that the payee bears are deducted. */
export function payoutMinor(intent: Intent): bigint {
  return totalsOf(intent.amountMinor, intent.decision).payeeMinor
}

/** The body of a submission; the same intent gives the same. */
export function submissionBody(intent: Intent, callbackUrl: string): string {
  if (intent.payee.kind !== 'external') throw new Error(`intent ${intent.id} pays nobody outside`)
  return JSON.stringify({
    id: intent.id,
    amount: payoutMinor(intent).toString(),
    currency: intent.assetCode,
    destination: destination(intent.payee.external),
    callback_url: callbackUrl,
  })
}

function destination(party: ExternalParty): Record<string, string> {
  switch (party.kind) {
    case 'BANK_ACCOUNT':
      return { bank_code: party.bankCode, account_number: party.accountNumber }
    case 'MERCHANT': {
      const { merchantId, billReference } = party
      return { merchant_id: merchantId, ...(billReference === '' ? {} : { bill_reference: billReference }) }
    }
    case 'ACCOUNT':
      return { account_number: party.accountNumber }
  }
}

/** What an answer about the intent says; unknown when it is about something else or means nothing. */
export function readAnswer(body: string, intent: Intent): ChannelOutcome {
  const parsed = answer.safeParse(parseJson(body))
  if (!parsed.success) return { kind: 'unknown', cause: 'the answer is not what was agreed' }
  const { id, reference, amount: amountMinor, currency, status, reason } = parsed.data
  if (id !== intent.id) return { kind: 'unknown', cause: 'the answer is about another transfer' }
  if (status !== 'ACCEPTED') {
    return { kind: 'final', report: { transferId: id, status, reference, reason, amountMinor, currency } }
  }
  const isAsAsked = amountMinor === payoutMinor(intent) && currency === intent.assetCode
  return { kind: 'accepted', reference, isAsAsked }
}

/** Whether an answer says that the provider does not know the intent. */
export function saysUnknown(body: string, intent: Intent): boolean {
  const parsed = unknownTransfer.safeParse(parseJson(body))
  return parsed.success && parsed.data.id === intent.id
}

/** What a callback says, and the provider's id of the event; undefined when it is not what was agreed. */
export function readCallbackBody(body: string): { eventId: string; report: FinalReport } | undefined {
  const parsed = callback.safeParse(parseJson(body))
  if (!parsed.success) return undefined
  const { id: transferId, reference, amount: amountMinor, currency, status, reason, event_id: eventId } = parsed.data
  return { eventId, report: { transferId, status, reference, reason, amountMinor, currency } }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
