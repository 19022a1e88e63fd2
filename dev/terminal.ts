// How the launcher's commands speak to the person who started them.
import { LaunchError } from './launch-error.js'

const startMs = performance.now()

/** A line of progress with the time since the command began. */
export function say(text: string): void {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1).padStart(5)
  console.log(`[${seconds} s] ${text}`)
}

/** Runs a command. What a person can mend is said without a stack; the exit code is then 1. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  // Somebody may read the output through a pipe and stop reading (`make up | head`): no reason to leave processes behind.
  process.stdout.on('error', () => undefined)
  try {
    await command()
  } catch (error) {
    console.error(error instanceof LaunchError ? error.message : error)
    process.exitCode = 1
  }
}
