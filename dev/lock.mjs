// A lock that one process holds, and who that process is. Plain JavaScript, because setup.mjs needs it before the build.
//
// A process is known by its id and its start time: ids are used again, soon so in containers. A lock whose holder no
// longer runs is stale and may be taken. Taking a stale lock is itself guarded, or two takers could each remove the
// other's fresh lock.
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

// A guard is held for a few system calls; one this old belongs to a process that died holding it.
const GUARD_AGE_MAX_MS = 10_000

/** When the process started, in the system's own notation; undefined when there is no such process or it is a zombie. */
export function processStart(pid) {
  try {
    if (process.platform === 'linux') {
      // The command, in parentheses, may hold spaces; the fields after it are plain. Field 3 is the state, 22 the start.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${bootId()}/${fields[19]}`
    }
    const [state, ...start] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    })
      .trim()
      .split(/\s+/)
    return state.startsWith('Z') ? undefined : start.join(' ')
  } catch {
    return undefined
  }
}

function bootId() {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** This process, as it stands in locks. */
export function thisProcess() {
  return identify(process.pid)
}

/** The process with that id, as it stands in locks and books. */
export function identify(pid) {
  return { pid, start: processStart(pid) ?? '' }
}

/** Whether that very process still runs, not another one under its id. */
export function isRunning({ pid, start }) {
  return start !== '' && processStart(pid) === start
}

/** Takes the lock without waiting: `{ release }`, or `{ holder }` when a running process has it. */
export function takeLock(file) {
  mkdirSync(dirname(file), { recursive: true })
  const mine = `${file}.${process.pid}`
  writeFileSync(mine, JSON.stringify(thisProcess()))
  try {
    for (;;) {
      if (link(mine, file)) return { release: () => rmSync(file, { force: true }) }
      const holder = lockHolder(file)
      if (holder) return { holder }
      removeStale(file, mine)
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/** The running process that holds the lock, if any. */
export function lockHolder(file) {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8'))
    return isRunning(holder) ? holder : undefined
  } catch {
    return undefined
  }
}

// A link appears with its content in one step; a created file would be empty for a moment.
function link(from, to) {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function removeStale(file, mine) {
  const guard = `${file}.guard`
  if (!link(mine, guard)) {
    const age = Date.now() - (statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > GUARD_AGE_MAX_MS) rmSync(guard, { force: true })
    return
  }
  try {
    if (!lockHolder(file)) rmSync(file, { force: true })
  } finally {
    rmSync(guard, { force: true })
  }
}
