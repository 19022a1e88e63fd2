import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { assetPath } from '../../runtime/assets.js'

/** The file of a topic of the transcripts. */
export const transcript = (topic: string) => assetPath(`services/ledger/test/transcripts/${topic}.jsonl`)

/** Runs the replay in a process of its own: the Ledger's own command, or that of the one-machine environment. */
export async function replay(
  args: readonly string[],
  env: Record<string, string> = {},
  command: 'ledger' | 'dev' = 'ledger',
) {
  const program = command === 'dev' ? 'dist/dev/replay.js' : 'dist/services/ledger/replay.js'
  const child = spawn(process.execPath, [assetPath(program), ...args], { env: { PATH: process.env['PATH'], ...env } })
  const [out, problem, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, out: out.trimEnd().split('\n'), problem: problem.trimEnd() }
}
