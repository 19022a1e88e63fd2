import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

/** Waits until a condition holds; fails when it does not within `timeoutMs`. Answers how long it took. */
export async function eventually(holds: () => boolean | Promise<boolean>, timeoutMs = 5000): Promise<number> {
  const start = performance.now()
  while (!(await holds())) {
    if (performance.now() - start > timeoutMs) assert.fail(`does not hold after ${timeoutMs} ms`)
    await setTimeout(5)
  }
  return performance.now() - start
}
