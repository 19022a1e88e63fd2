import { type Figures, percentile } from './report.js'

/**
 * Runs `work` `count` times with `inFlight` of them under way at any moment (a closed loop: the next begins when one
 * ends). Any failure ends the run: a bench that counts failures as work measures nothing.
 */
export async function closedLoop(
  count: number,
  inFlight: number,
  work: (index: number) => Promise<void>,
): Promise<Figures> {
  const latenciesMs: number[] = []
  let next = 0
  const started = performance.now()
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      const begun = performance.now()
      await work(index)
      latenciesMs.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, worker))
  const seconds = (performance.now() - started) / 1000
  return { perSecond: count / seconds, p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99) }
}
