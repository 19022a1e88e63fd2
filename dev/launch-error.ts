/** A failure that the person at the terminal can mend: the message names cause and cure and is shown without a stack. */
export class LaunchError extends Error {}

/** The text of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
