import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { processCommand } from './process-command.js'

/** Who listens on a TCP port. */
export interface PortHolder {
  readonly pid: number
  readonly command: string
}

/** Who listens on the port; undefined when the system does not tell us, such as of other users' processes. */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  const pid = process.platform === 'linux' ? await pidFromProc(port) : await pidFromLsof(port)
  const command = pid === undefined ? undefined : processCommand(pid)
  return pid === undefined || command === undefined ? undefined : { pid, command }
}

// Neither lsof nor ss is on every machine; /proc is.
async function pidFromProc(port: number): Promise<number | undefined> {
  const sockets = await listeningSockets(port)
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of await readdir(`/proc/${pid}/fd`)) {
        if (sockets.has(await readlink(`/proc/${pid}/fd/${fd}`))) return Number(pid)
      }
    } catch {
      // It ended meanwhile, or is another user's.
    }
  }
  return undefined
}

async function listeningSockets(port: number): Promise<Set<string>> {
  const LISTEN = '0A'
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')))
  const rows = tables.flatMap((table) => table.split('\n').slice(1)).map((line) => line.trim().split(/\s+/))
  const found = rows.filter(([, local, , state]) => state === LISTEN && local?.endsWith(`:${hexPort}`) === true)
  return new Set(found.map((row) => `socket:[${row[9] ?? ''}]`))
}

async function pidFromLsof(port: number): Promise<number | undefined> {
  try {
    const { stdout } = await promisify(execFile)('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'])
    const pid = Number(stdout.trim().split('\n')[0])
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}
