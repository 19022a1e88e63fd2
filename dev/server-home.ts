// PostgreSQL refuses to run as root, and Envoy need not. When we are root they run as `nobody`, who may be unable to
// enter the checkout (a home with mode 0700): then binaries and data live below /var/lib/paymesh instead.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { checkout } from './checkout.js'
import { LaunchError } from './launch-error.js'
import { type Program } from './programs.js'

const OUTSIDE = '/var/lib/paymesh'
/** The folder, among those outside, of programs copied for the servers' account. */
export const PROGRAMS = 'programs'

/** An account of the operating system. */
export interface ServerAccount {
  readonly uid: number
  readonly gid: number
}

/** Where the servers that do not run as root keep their files, and as whom they run (undefined: as we do). */
export interface ServerHome {
  readonly account: ServerAccount | undefined
  readonly folder: string
}

/** Whom unprivileged servers run as: undefined, as we do, unless we are root. */
export function serverAccount(): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }).trim())
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch (error) {
    throw new LaunchError(
      'There is no account `nobody` for PostgreSQL to run as. Run this as a user who is not root.',
      {
        cause: error,
      },
    )
  }
}

/** What of this checkout lies outside of it; to be removed with the state. */
export function outsideFolder(): string {
  return join(OUTSIDE, createHash('sha256').update(checkout).digest('hex').slice(0, 16))
}

/** Finds or makes the home of the servers of one state folder. */
export function serverHome(stateFolder: string): ServerHome {
  mkdirSync(stateFolder, { recursive: true })
  const account = serverAccount()
  if (account === undefined) return { account, folder: stateFolder }
  // Others may pass through the state folder, not look into it; what is secret in it has its own mode.
  chmodSync(stateFolder, 0o711)
  if (canEnter(account, stateFolder)) return { account, folder: stateFolder }
  return { account, folder: passableFolder(basename(outsideHome(stateFolder))) }
}

/** Where the home of a state folder is when it is not the state folder itself. */
export function outsideHome(stateFolder: string): string {
  return join(outsideFolder(), createHash('sha256').update(stateFolder).digest('hex').slice(0, 16))
}

// The mode is set after making: the caller's umask may be 077.
function passableFolder(name: string): string {
  const folder = join(outsideFolder(), name)
  mkdirSync(folder, { recursive: true })
  for (const path of [OUTSIDE, outsideFolder(), folder]) chmodSync(path, 0o711)
  return folder
}

/** A folder in the home that belongs to the servers' account and is closed to others. */
export function ownedFolder(home: ServerHome, name: string): string {
  const folder = join(home.folder, name)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  giveTo(home, folder)
  return folder
}

/** Makes a file or folder the property of the servers' account. */
export function giveTo(home: ServerHome, path: string): void {
  if (home.account) chownSync(path, home.account.uid, home.account.gid)
}

/**
 * The program, at a path from which the account of the servers can run it: where it is, or in a copy of the folder
 * with everything that it needs.
 */
export function reachableProgram(home: ServerHome, program: Program): string {
  const path = join(program.tree, program.path)
  if (home.account === undefined || canEnter(home.account, path)) return path
  const { mtimeMs, size } = statSync(path)
  const key = createHash('sha256').update(`${path} ${mtimeMs} ${size}`).digest('hex').slice(0, 16)
  const copy = join(passableFolder(PROGRAMS), `${basename(program.path)}-${key}`)
  if (!existsSync(copy)) copyWhole(program.tree, copy)
  return join(copy, program.path)
}

// Under another name first: a copy that was cut short must not look like one, and two may copy at once.
function copyWhole(from: string, to: string): void {
  const unfinished = `${to}.${randomUUID()}`
  cpSync(from, unfinished, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE })
  letAllRead(unfinished)
  try {
    renameSync(unfinished, to)
  } catch {
    rmSync(unfinished, { recursive: true })
    if (!existsSync(to))
      throw new LaunchError(`${from} could not be copied to ${to}. Look at the rights of ${OUTSIDE}.`)
  }
}

function letAllRead(tree: string): void {
  chmodSync(tree, 0o755)
  for (const entry of readdirSync(tree, { withFileTypes: true })) {
    const path = join(tree, entry.name)
    if (entry.isDirectory()) letAllRead(path)
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644)
  }
}

// Enter a folder or run a file. Asked of the system, as that account: modes alone do not tell (groups, access lists).
function canEnter(account: ServerAccount, path: string): boolean {
  return spawnSync('test', ['-x', path], { ...account, cwd: '/', stdio: 'ignore' }).status === 0
}
