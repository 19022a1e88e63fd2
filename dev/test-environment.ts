// Mocha loads this before the tests (.mocharc.json).
import { removeOrphanedRuns } from './state-folder.js'
import { stopTestRun } from './testing.js'

/** Before the first test. */
export async function mochaGlobalSetup(): Promise<void> {
  await removeOrphanedRuns()
}

/** After the last test, whether or not tests failed. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stopTestRun()
}
