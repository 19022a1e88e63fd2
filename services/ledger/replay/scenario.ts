import { readFileSync } from 'node:fs'
import { z } from 'zod'

const row = z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())]))
const step = z.object({
  op: z.enum([
    'create_accounts',
    'create_transfers',
    'lookup_accounts',
    'lookup_transfers',
    'get_account_transfers',
    'get_account_balances',
    'query_accounts',
    'query_transfers',
    'wait_seconds',
  ]),
  events: z.array(row).default([]),
  ids: z.array(z.string().regex(/^\d+$/)).default([]),
  filter: row.default({}),
  n: z.number().default(0),
  results: z.array(row).default([]),
})
const scenario = z.object({
  name: z.string(),
  about: z.string(),
  /** Needs an empty ledger of its own. */
  fresh: z.boolean(),
  steps: z.array(step),
})

/** One request to the recorded server and what it answered. */
export type Step = Readonly<z.infer<typeof step>>
/** Requests that are made one after the other. */
export type Scenario = Readonly<z.infer<typeof scenario>>

/** A file is not a transcript; the message says where. */
export class TranscriptError extends Error {
  override readonly name = 'TranscriptError'
}

/** The scenarios of a transcript file. Throws TranscriptError for a line that is not one, and what reading throws. */
export function readScenarios(file: string): Scenario[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map((line, index) => {
    const parsed = scenario.safeParse(parseJson(line))
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    const where = issue === undefined ? '' : `: ${issue.path.join('.')} ${issue.message}`
    throw new TranscriptError(`${file}, line ${index + 1} is not a scenario${where}`)
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
