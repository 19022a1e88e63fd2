import { type Replayed, replayScenario } from './replay-scenario.js'
import { type LedgerSource, type ReplayedLedger } from './replayed-ledger.js'
import { readScenarios, type Scenario } from './scenario.js'

/**
 * Replays transcript files, prints each difference and a line for the whole, and answers whether everything was as
 * recorded. Scenarios share a ledger unless they need an empty one, as the transcripts were recorded. Rejects when a
 * file is not a transcript or a ledger fails.
 */
export async function replayFiles(
  source: LedgerSource,
  files: readonly string[],
  print: (line: string) => void,
): Promise<boolean> {
  // Read first: a file that is missing or no transcript ends it before anything is opened.
  const scenarios = files.flatMap(readScenarios)
  const counts = { same: 0, different: 0, 'not expressible': 0, 'no empty ledger': 0 }
  const shared = await source.shared()
  try {
    for (const scenario of scenarios) {
      const replayed = await replayOn(source, shared, scenario)
      for (const line of lines(scenario, replayed)) print(line)
      counts[replayed.kind] += 1
    }
  } finally {
    await shared.stop()
  }
  print(
    `${scenarios.length} scenarios: ${counts.same} as recorded, ${counts.different} different, ` +
      `${counts['not expressible']} not expressible` +
      (counts['no empty ledger'] === 0 ? '.' : `, ${counts['no empty ledger']} not replayed.`),
  )
  return counts.different === 0
}

type ReplayedOrNot = Replayed | { readonly kind: 'no empty ledger' }

/** Replays a scenario on the shared ledger, or on an empty one that is stopped after it. */
export async function replayOn(
  source: LedgerSource,
  shared: ReplayedLedger,
  scenario: Scenario,
): Promise<ReplayedOrNot> {
  if (!scenario.fresh) return replayScenario(shared, scenario)
  if (source.empty === undefined) return { kind: 'no empty ledger' }
  const ledger = await source.empty()
  try {
    return await replayScenario(ledger, scenario)
  } finally {
    await ledger.stop()
  }
}

function lines({ name, about }: Scenario, replayed: ReplayedOrNot): string[] {
  switch (replayed.kind) {
    case 'same':
      return []
    case 'different':
      return [`${name}: ${about}`, ...replayed.differences.map((difference) => `  ${difference}`)]
    case 'not expressible':
      return [`${name}: not expressible, ${replayed.reason}`]
    case 'no empty ledger':
      return [`${name}: not replayed, it needs an empty ledger of its own`]
  }
}
