import { createHash } from 'node:crypto'
import { z } from 'zod'
import { assetCodePattern, int64Max, operationTypePattern } from './facts.js'

// The document of a rule set: what an operator writes, as JSON. Amounts are decimal strings of minor units, since a JSON
// number is a float to most readers. Unknown fields are refused: a misspelt `conditon` must not become a fee for everyone.

/** A condition is at most 4 KiB of UTF-8 (checked in expression.ts, where its cost is bounded too). */
const conditionSchema = z.string().min(1).optional()
const idSchema = z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/)
const minorUnitsSchema = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,18})$/, 'must be a decimal string of minor units, such as "100"')
  .transform((text) => BigInt(text))
  .refine((minor) => minor <= int64Max, 'must fit int64')
const assetsSchema = z.array(z.string().regex(assetCodePattern)).min(1).max(100).optional()
/** Lower comes first; equal priorities are ordered by id. */
const prioritySchema = z.int().min(-1_000_000).max(1_000_000).default(0)

const scopeShape = {
  id: idSchema,
  operation_type: z.string().regex(operationTypePattern),
  /** The assets that the rule is for; absent means every asset. */
  assets: assetsSchema,
  priority: prioritySchema,
  enabled: z.boolean().default(true),
  /** CEL over the facts, giving a bool; absent means always. */
  condition: conditionSchema,
}

const routeSchema = z
  .strictObject({
    ...scopeShape,
    /** The smallest and largest amount that takes this route, both inclusive. */
    min_minor: minorUnitsSchema.default(0n),
    max_minor: minorUnitsSchema.default(int64Max),
    channel: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
  })
  .refine((route) => route.min_minor <= route.max_minor, 'min_minor is over max_minor: the route can never match')

const feeSchema = z
  .strictObject({
    ...scopeShape,
    phase: z.enum(['PRE', 'POST']),
    flat_minor: minorUnitsSchema.default(0n),
    /** Hundredths of a percent of the amount, 0 to 10000, added to the flat part. */
    bps: z.int().min(0).max(10_000).default(0),
    /** How the share is rounded to minor units; required with `bps`. */
    rounding: z.enum(['HALF_EVEN']).optional(),
    /** Bounds on flat and share together. */
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
  .refine((fee) => fee.bps === 0 || fee.rounding !== undefined, 'bps needs a named rounding')
  .refine((fee) => fee.max_minor > 0n && (fee.flat_minor > 0n || fee.bps > 0 || fee.min_minor > 0n), 'is always zero')

const ruleSetSchema = z
  .strictObject({
    routes: z.array(routeSchema).max(2000),
    fees: z.array(feeSchema).max(2000),
  })
  .refine((set) => hasUniqueIds(set.routes), { path: ['routes'], message: 'has an id twice' })
  .refine((set) => hasUniqueIds(set.fees), { path: ['fees'], message: 'has an id twice' })

export type RouteRule = Readonly<z.output<typeof routeSchema>>
export type FeeRule = Readonly<z.output<typeof feeSchema>>
export interface RuleSet {
  readonly routes: readonly RouteRule[]
  readonly fees: readonly FeeRule[]
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

/** Parses a document's shape. Throws RuleSetInvalidError. What conditions say is checked by expression.ts. */
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
