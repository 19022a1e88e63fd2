import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The command of a running process, such as "postgres"; undefined when there is none under that id. */
export function processCommand(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
    return execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}
