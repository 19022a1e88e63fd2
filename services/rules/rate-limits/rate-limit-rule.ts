import { z } from 'zod'

// What an operator writes about rates, as a part of the rule set's document: docs/rules.md describes it.

/** The kinds of request that the edge tells apart; `envoy/request-class.ts` says which is which. */
export const requestClasses = ['PUBLIC', 'READ', 'WRITE', 'PAYMENT'] as const
export type RequestClass = (typeof requestClasses)[number]

/** Whose requests are counted together: those of one address, or of one user or machine client, by their token. */
export const rateSubjects = ['ADDRESS', 'USER', 'CLIENT'] as const
export type RateSubject = (typeof rateSubjects)[number]

const idSchema = z.string().regex(/^[a-z][a-z0-9_-]{0,47}$/)
const requestsSchema = z.int().min(1).max(1_000_000_000)
// An address, `users/{id}` or `clients/{id}`.
const subjectSchema = z.string().regex(/^[A-Za-z0-9:._/-]{1,100}$/)

export const rateLimitSchema = z
  .strictObject({
    id: idSchema,
    enabled: z.boolean().default(true),
    classes: z.array(z.enum(requestClasses)).min(1),
    per: z.enum(rateSubjects),
    /** How many requests a window has room for. */
    requests: requestsSchema,
    /** In seconds, up to a day. */
    window_seconds: z.int().min(1).max(86_400),
    /** How many may come at once after a pause; absent: as many as `requests`. */
    burst: requestsSchema.optional(),
    /** Counts and tells operators, and refuses nothing. */
    shadow: z.boolean().default(false),
    /** Only these subjects; absent: all. */
    subjects: z.array(subjectSchema).min(1).max(1000).optional(),
    /** Subjects with numbers of their own. */
    overrides: z
      .array(z.strictObject({ subject: subjectSchema, requests: requestsSchema, burst: requestsSchema.optional() }))
      .max(1000)
      .default([]),
    /** What becomes of a request that cannot be counted, because Valkey is away. */
    when_unavailable: z.enum(['ALLOW', 'DENY']).default('ALLOW'),
  })
  .refine((rule) => [rule, ...rule.overrides].every(({ requests, burst = 1 }) => burst <= requests), {
    message: 'burst is over requests',
  })
  .refine((rule) => new Set(rule.overrides.map(({ subject }) => subject)).size === rule.overrides.length, {
    path: ['overrides'],
    message: 'has a subject twice',
  })

export type RateLimitRule = Readonly<z.output<typeof rateLimitSchema>>
