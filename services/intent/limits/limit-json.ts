// What an intent's row keeps of limits: JSON with the integers as decimal strings.
import { z } from 'zod'
import { type LimitAccount, type LimitExcess } from './limit.js'

const integer = z
  .string()
  .regex(/^-?[0-9]{1,20}$/)
  .transform(BigInt)

const excess = z.strictObject({
  limitId: z.string(),
  metric: z.enum(['AMOUNT', 'COUNT']),
  assetCode: z.string(),
  cap: integer,
  used: integer,
  windowEndSeconds: integer.optional(),
})

const accounts = z.array(
  z.strictObject({ account: z.string(), sinkAccount: z.string(), ledger: z.int(), code: z.int() }),
)

/** Throws ZodError when the row has something else. */
export function limitExcessFromJson(json: unknown): LimitExcess {
  const { windowEndSeconds, ...rest } = excess.parse(json)
  return { ...rest, windowEndSeconds }
}

export function limitExcessToJson({ cap, used, windowEndSeconds, ...rest }: LimitExcess): object {
  const end = windowEndSeconds === undefined ? {} : { windowEndSeconds: windowEndSeconds.toString() }
  return { ...rest, cap: cap.toString(), used: used.toString(), ...end }
}

/** Throws ZodError when the row has something else. */
export function limitAccountsFromJson(json: unknown): readonly LimitAccount[] {
  return accounts.parse(json)
}
