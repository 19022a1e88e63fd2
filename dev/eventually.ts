import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

/** Waits until a condition holds; fails when it does not within `timeoutMs`. */
export async function eventually(holds: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const start = performance.now()
  while (!(await holds())) {
    if (performance.now() - start > timeoutMs) assert.fail(`does not hold after ${timeoutMs} ms`)
    await setTimeout(5)
  }
}
