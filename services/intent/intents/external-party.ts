// Who is paid outside of Paymesh, as an intent keeps it: parsed once, and what the provider is asked for ever after.
import { z } from 'zod'

const bankAccount = z.object({ kind: z.literal('BANK_ACCOUNT'), bankCode: z.string(), accountNumber: z.string() })
const merchant = z.object({
  kind: z.literal('MERCHANT'),
  /** The QR code, whole. */
  qrPayload: z.string(),
  merchantId: z.string(),
  /** Empty when the code has none. */
  billReference: z.string(),
})
const account = z.object({ kind: z.literal('ACCOUNT'), accountNumber: z.string() })

const externalParty = z.discriminatedUnion('kind', [bankAccount, merchant, account])

/** An account at a bank, a merchant behind a QR code, or an account (such as a phone number) at the provider itself. */
export type ExternalParty = Readonly<z.infer<typeof externalParty>>

/** What is stored of it. Throws when it is anything else. */
export function externalPartyFrom(stored: unknown): ExternalParty {
  return externalParty.parse(stored)
}

/** One name for one party, within 256 characters: what Rules and lists of events know it by. */
export function externalName(party: ExternalParty): string {
  switch (party.kind) {
    case 'BANK_ACCOUNT':
      return `bankAccounts/${party.bankCode}.${party.accountNumber}`
    case 'MERCHANT':
      return `merchants/${party.merchantId}`
    case 'ACCOUNT':
      return `externalAccounts/${party.accountNumber}`
  }
}
