import { replayScenario } from './replay-scenario.js'
import { type ReplayedLedger } from './replayed-ledger.js'
import { readScenarios, type Scenario } from './scenario.js'

/**
 * Replays transcript files on ledgers that `open` makes, prints each difference and a line for the whole, and answers
 * whether everything was as recorded. Scenarios share a ledger unless they need an empty one, as the transcripts were
 * recorded. Rejects when a file is not a transcript or a ledger fails.
 */
export async function replayFiles(
  open: () => Promise<ReplayedLedger>,
  files: readonly string[],
  print: (line: string) => void,
): Promise<boolean> {
  // Read first: a file that is missing or no transcript ends it before anything is opened.
  const scenarios = files.flatMap(readScenarios)
  const counts = { same: 0, different: 0, 'not expressible': 0 }
  const shared = await open()
  try {
    for (const scenario of scenarios) {
      const ledger = scenario.fresh ? await open() : shared
      try {
        counts[await replayOne(ledger, scenario, print)] += 1
      } finally {
        if (ledger !== shared) await ledger.stop()
      }
    }
  } finally {
    await shared.stop()
  }
  print(
    `${scenarios.length} scenarios: ${counts.same} as recorded, ${counts.different} different, ` +
      `${counts['not expressible']} not expressible.`,
  )
  return counts.different === 0
}

async function replayOne(ledger: ReplayedLedger, scenario: Scenario, print: (line: string) => void) {
  const replayed = await replayScenario(ledger, scenario)
  if (replayed.kind === 'different') {
    print(`${scenario.name}: ${scenario.about}`)
    for (const difference of replayed.differences) print(`  ${difference}`)
  } else if (replayed.kind === 'not expressible') {
    print(`${scenario.name}: not expressible, ${replayed.reason}`)
  }
  return replayed.kind
}
