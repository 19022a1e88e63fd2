// The places where a payment may be cut off. Tests cut it off at each of them and see that nothing is lost or doubled.

/**
 * In the order in which a payment passes them. A payment that is held first passes those from the Ledger to the update
 * twice: when it is held, and when a wish about its hold, confirmed or cancelled, was written. A payment that met a limit
 * whose cap was changed passes those of the attempt, and those of the Ledger again. One that an operator ends before
 * anything moved passes those of the wish, and after-burn. One that a provider carries out passes those from before-ask to
 * after-report when it is held (after-queue and after-take only when it goes through a queue), and then those of the Ledger
 * and the update again.
 */
export const crashPoints = [
  'before-insert',
  'after-insert',
  'before-wish',
  'after-wish',
  'after-burn',
  'before-ledger',
  'after-ledger',
  'before-attempt',
  'after-attempt',
  'after-update',
  'before-ask',
  'after-ask',
  'after-queue',
  'after-take',
  'after-answer',
  'after-report',
  'before-publish',
  'after-publish',
  'after-delete',
] as const

/** The places where an automatic top-up may be cut off, beside those of its payment. */
export const topUpCrashPoints = ['before-round', 'after-round', 'after-top-up'] as const

export type CrashPoint = (typeof crashPoints)[number] | (typeof topUpCrashPoints)[number]

/** Called at each place; does nothing in production, may throw in a test and does not return in a crash. */
export type ReachCrashPoint = (point: CrashPoint) => void

/** Kills this very process at the given place, as a power cut would: nothing is flushed, closed or answered. */
export function killAt(crashAt: CrashPoint | undefined): ReachCrashPoint {
  return (point) => {
    if (point === crashAt) process.kill(process.pid, 'SIGKILL')
  }
}
