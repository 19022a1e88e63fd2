import { createHash } from 'node:crypto'
import { z } from 'zod'
import { assetCodePattern, channelPattern, int64Max, operationTypePattern } from './facts.js'
import { rateLimitSchema, type RateLimitRule } from './rate-limits/rate-limit-rule.js'
import { isTimeZone } from './time-zone.js'

// The document of a rule set: what an operator writes, as JSON. Amounts are decimal strings of minor units, since a JSON
// number is a float to most readers. Unknown fields are refused: a misspelt `conditon` must not become a fee for everyone.
// docs/rules.md describes the fields for operators.

/** An expression is at most 4 KiB of UTF-8 (checked in expression-guard.ts, where its cost is bounded too). */
const expressionSchema = z.string().min(1)
const idSchema = z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/)
const decimalSchema = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,18})$/, 'must be a decimal string, such as "100"')
  .transform((text) => BigInt(text))
  .refine((number) => number <= int64Max, 'must fit int64')
const minorUnitsSchema = decimalSchema
const assetsSchema = z.array(z.string().regex(assetCodePattern)).min(1).max(100)
const operationTypeSchema = z.string().regex(operationTypePattern)
const operationTypesSchema = z.array(operationTypeSchema).min(1).max(50)

const orderShape = {
  id: idSchema,
  /** Lower comes first; equal priorities are ordered by id. */
  priority: z.int().min(-1_000_000).max(1_000_000).default(0),
  enabled: z.boolean().default(true),
  /** CEL over the facts, giving a bool; absent means always. */
  condition: expressionSchema.optional(),
  /** The assets that the rule is for; absent means every asset. */
  assets: assetsSchema.optional(),
}

const routeSchema = z
  .strictObject({
    ...orderShape,
    operation_type: operationTypeSchema,
    /** The smallest and largest amount that takes this route, both inclusive. */
    min_minor: minorUnitsSchema.default(0n),
    max_minor: minorUnitsSchema.default(int64Max),
    channel: z.string().regex(channelPattern),
  })
  .refine((route) => route.min_minor <= route.max_minor, 'min_minor is over max_minor: the route can never match')
  .transform(withOperationTypes)

const bpsSchema = z.int().min(0).max(10_000).default(0)

const tierSchema = z.strictObject({
  /** The largest amount of the tier, inclusive; the last tier has none. */
  up_to_minor: minorUnitsSchema.optional(),
  flat_minor: minorUnitsSchema.default(0n),
  bps: bpsSchema,
})

const feeSchema = z
  .strictObject({
    ...orderShape,
    operation_type: operationTypeSchema,
    phase: z.enum(['PRE', 'POST']),
    flat_minor: minorUnitsSchema.default(0n),
    /** Hundredths of a percent of the amount, 0 to 10000, added to the flat part. */
    bps: bpsSchema,
    /** Instead of `flat_minor` and `bps`: prices by amount. */
    tiers: z.array(tierSchema).min(1).max(32).optional(),
    /** WHOLE: the tier that the amount is in prices all of it. GRADUATED: each tier prices the part that is in it. */
    tier_mode: z.enum(['WHOLE', 'GRADUATED']).optional(),
    /** Instead of all of these: CEL over the facts, giving minor units as an int. */
    amount: expressionSchema.optional(),
    /** How a share is rounded to minor units; required with `bps`. */
    rounding: z.enum(['HALF_EVEN']).optional(),
    /** Bounds on flat and share together; not with `amount`, which has `clamp`. */
    min_minor: minorUnitsSchema.default(0n),
    max_minor: minorUnitsSchema.default(int64Max),
    /** The Ledger account that receives the fee; `{asset}` stands for the payment's asset. */
    revenue_account: z
      .string()
      .max(120)
      .regex(/^accounts\/(?=[A-Za-z0-9{])[A-Za-z0-9._-]*(\{asset\})?[A-Za-z0-9._-]*$/, 'must name an account'),
    /** Of the fees of one group only the first that applies is taken; absent: the fee stands alone. */
    stacking_group: idSchema.optional(),
  })
  .refine((fee) => fee.min_minor <= fee.max_minor, 'min_minor is over max_minor')
  .refine((fee) => ratesOf(fee).every((bps) => bps === 0) || fee.rounding !== undefined, 'bps needs a named rounding')
  .refine((fee) => !isAlwaysZero(fee), 'is always zero')
  .refine((fee) => pricesOf(fee) <= 1, 'has more than one of flat_minor and bps, tiers, amount')
  .refine((fee) => fee.amount === undefined || !isBounded(fee), 'min_minor and max_minor do not go with amount')
  .refine((fee) => (fee.tiers === undefined) === (fee.tier_mode === undefined), 'tiers and tier_mode go together')
  .refine((fee) => areTiersInOrder(fee.tiers ?? [{}]), 'tiers must ascend by up_to_minor, and the last has none')
  .transform(withOperationTypes)

const limitSchema = z
  .strictObject({
    ...orderShape,
    /** Part of the name of the limit's accounts in the Ledger, with the asset: so no dots, and no more than 47. */
    id: z.string().regex(/^[a-z][a-z0-9_-]{0,46}$/),
    operation_types: operationTypesSchema,
    /** AMOUNT: minor units, without fees. COUNT: payments. */
    metric: z.enum(['AMOUNT', 'COUNT']),
    window: z.enum(['PER_TRANSACTION', 'DAILY', 'WEEKLY', 'MONTHLY']),
    /** Whose days, weeks and months; an IANA name. */
    time_zone: z.string().refine(isTimeZone, 'must be an IANA time zone, such as "Asia/Bangkok"').optional(),
    /** CEL over the facts, giving a string: whom the cap binds. Absent: the payer's owner, or the payer when it has none. */
    scope_key: expressionSchema.optional(),
    /** The most that may be used in a window; "0" lets nothing through. */
    cap: decimalSchema,
  })
  .refine((limit) => limit.metric === 'COUNT' || limit.assets !== undefined, 'a cap in minor units needs assets')
  .refine((limit) => isOfOnePayment(limit) || limit.time_zone !== undefined, 'needs a time_zone')
  .refine(
    (limit) => !isOfOnePayment(limit) || (limit.time_zone ?? limit.scope_key) === undefined,
    'PER_TRANSACTION has neither time_zone nor scope_key',
  )
  .refine((limit) => !isOfOnePayment(limit) || limit.metric === 'AMOUNT', 'PER_TRANSACTION is of amounts')

const scoreSchema = z.int().min(-1000).max(1000)

const riskRuleSchema = z.strictObject({
  ...orderShape,
  operation_types: operationTypesSchema,
  /** Added to the payment's score when the condition holds: a number, or CEL giving an int. */
  score: z.union([scoreSchema, expressionSchema]).default(0),
  /** What is done at least when the condition holds, whatever the score. */
  action: z.enum(['ALLOW', 'REVIEW', 'DENY']).default('ALLOW'),
  /** Said with the decision, such as "NEW_DEVICE". */
  reason: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
})

const riskSchema = z
  .strictObject({
    rules: z.array(riskRuleSchema).max(2000).default([]),
    /** The scores from which a payment is reviewed and refused; absent: no score is enough. */
    review_at: z.int().min(1).max(1000).optional(),
    deny_at: z.int().min(1).max(1000).optional(),
  })
  .refine((risk) => (risk.review_at ?? 0) <= (risk.deny_at ?? 1000), 'review_at is over deny_at')
  .refine((risk) => hasUniqueIds(risk.rules), { path: ['rules'], message: 'has an id twice' })

const stepUpSchema = z
  .strictObject({
    ...orderShape,
    operation_types: operationTypesSchema,
    /** The smallest amount for which the level is demanded, inclusive. */
    min_minor: minorUnitsSchema.default(0n),
    /** How strongly whoever asks must have proven who they are: by a device's key or a PIN, or by a PIN. */
    level: z.enum(['DEVICE', 'PIN']),
  })
  .refine((rule) => rule.min_minor === 0n || rule.assets !== undefined, 'an amount in minor units needs assets')

const scoringSchema = z
  .strictObject({
    operation_types: operationTypesSchema,
    assets: assetsSchema.optional(),
    /** CEL over the facts, giving a bool: which payments the provider is asked about; absent means all. */
    condition: expressionSchema.optional(),
    /** The provider's name in Intent's configuration. */
    provider: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
    /** How long a payment waits for the score, in milliseconds. */
    deadline_ms: z.int().min(1).max(500),
    /** What is done with a payment that has no score though it should. */
    without_score: z.enum(['ALLOW', 'REVIEW', 'DENY', 'IGNORE']),
  })
  .transform((scoring) => ({ ...scoring, id: 'scoring', priority: 0, enabled: true }))

const ruleSetSchema = z
  .strictObject({
    routes: z.array(routeSchema).max(2000),
    fees: z.array(feeSchema).max(2000),
    limits: z.array(limitSchema).max(2000).default([]),
    risk: riskSchema.default({ rules: [] }),
    step_up: z.array(stepUpSchema).max(2000).default([]),
    scoring: scoringSchema.optional(),
    rate_limits: z.array(rateLimitSchema).max(100).default([]),
  })
  .refine((set) => hasUniqueIds(set.routes), { path: ['routes'], message: 'has an id twice' })
  .refine((set) => hasUniqueIds(set.fees), { path: ['fees'], message: 'has an id twice' })
  .refine((set) => hasUniqueIds(set.limits), { path: ['limits'], message: 'has an id twice' })
  .refine((set) => hasUniqueIds(set.rate_limits), { path: ['rate_limits'], message: 'has an id twice' })
  .refine((set) => hasUniqueIds(set.step_up), { path: ['step_up'], message: 'has an id twice' })

export type RouteRule = Readonly<z.output<typeof routeSchema>>
export type FeeRule = Readonly<z.output<typeof feeSchema>>
export type LimitRule = Readonly<z.output<typeof limitSchema>>
export type RiskRule = Readonly<z.output<typeof riskRuleSchema>>
export type RiskRules = Readonly<z.output<typeof riskSchema>>
export type StepUpRule = Readonly<z.output<typeof stepUpSchema>>
export type ScoringRule = Readonly<z.output<typeof scoringSchema>>
export interface RuleSet {
  readonly routes: readonly RouteRule[]
  readonly fees: readonly FeeRule[]
  readonly limits: readonly LimitRule[]
  readonly risk: RiskRules
  /** Which payments need a session that proved more than a password. */
  readonly step_up: readonly StepUpRule[]
  /** Which payments an outside provider gives a score for; absent: none. */
  readonly scoring?: ScoringRule | undefined
  /** How many requests the edge lets through; decides nothing about payments. */
  readonly rate_limits: readonly RateLimitRule[]
}

/** The operator must mend the rule set; `problems` says where, one line each. */
export class RuleSetInvalidError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'RuleSetInvalidError'
    this.problems = problems
  }
}

/** Parses a document's shape. Throws RuleSetInvalidError. What expressions say is checked by rule-set-check.ts. */
export function parseRuleSet(document: unknown): RuleSet {
  const parsed = ruleSetSchema.safeParse(document)
  if (parsed.success) return parsed.data
  throw new RuleSetInvalidError(
    parsed.error.issues.map((issue) => `${issue.path.join('.') || 'document'}: ${issue.message}`),
  )
}

/** SHA-256 over the document with its keys sorted, so that neither layout nor key order makes another document. */
export function documentSha256(document: unknown): Buffer {
  return createHash('sha256').update(JSON.stringify(document, sortedKeys)).digest()
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
}

function hasUniqueIds(rules: readonly { readonly id: string }[]): boolean {
  return new Set(rules.map((rule) => rule.id)).size === rules.length
}

/** A route or fee is for one kind of payment, a limit or risk rule for several: made alike for the index. */
function withOperationTypes<R extends { readonly operation_type: string }>({ operation_type, ...rule }: R) {
  return { ...rule, operation_types: [operation_type] }
}

type Price = Pick<z.output<typeof tierSchema>, 'flat_minor' | 'bps'>
type PricedFee = Price & {
  readonly tiers?: readonly Price[] | undefined
  readonly amount?: string | undefined
  readonly min_minor: bigint
  readonly max_minor: bigint
}

function ratesOf({ bps, tiers = [] }: PricedFee): readonly number[] {
  return [bps, ...tiers.map((tier) => tier.bps)]
}

function isAlwaysZero(fee: PricedFee): boolean {
  const prices: readonly Price[] = [fee, ...(fee.tiers ?? [])]
  const isPriced = prices.some((price) => price.flat_minor > 0n || price.bps > 0)
  return fee.max_minor === 0n || !(isPriced || fee.min_minor > 0n || fee.amount !== undefined)
}

function pricesOf({ flat_minor, bps, tiers, amount }: PricedFee): number {
  return [flat_minor > 0n || bps > 0, tiers !== undefined, amount !== undefined].filter(Boolean).length
}

function isBounded({ min_minor, max_minor }: PricedFee): boolean {
  return min_minor > 0n || max_minor < int64Max
}

function areTiersInOrder(tiers: readonly { readonly up_to_minor?: bigint | undefined }[]): boolean {
  const ends = tiers.map((tier) => tier.up_to_minor)
  return ends.every((end, index) => {
    if (index === ends.length - 1) return end === undefined
    return end !== undefined && end > (ends[index - 1] ?? 0n)
  })
}

function isOfOnePayment({ window }: { readonly window: string }): boolean {
  return window === 'PER_TRANSACTION'
}
