import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ProcessBook } from '../../../dev/process-book.js'
import { type RunningProcess, startProcess } from '../../../dev/process.js'
import { serverAccount, type ServerHome } from '../../../dev/server-home.js'

// Any folder that every system has; it is hidden in a namespace of the holder's own, and for nobody else.
const MOUNT_POINT = '/mnt'
const NEED =
  'A small disk needs a mount namespace: the right to mount as root, or the right of users to have namespaces ' +
  '(kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0).'

/**
 * A disk of its own for a server of the test, small enough to be filled: a tmpfs in the mount namespace of a process that
 * holds it, reached through that process's root. It is gone with the last process that uses it.
 */
export class SmallDisk {
  readonly #holder: RunningProcess

  private constructor(holder: RunningProcess) {
    this.#holder = holder
  }

  /** Fails saying what it needs where the system does not allow it. `folder` is for the holder's log. */
  static async mount(folder: string, sizeMegabytes: number): Promise<SmallDisk> {
    const account = serverAccount()
    const logFile = join(folder, 'small-disk.log')
    const owner = account === undefined ? '' : `${account.uid}:${account.gid}`
    // The holder is of the same user as the server, which may otherwise not look through its root.
    const become = account === undefined ? '' : `setpriv --reuid=${account.uid} --regid=${account.gid} --clear-groups`
    const script = `mount -t tmpfs -o size=${sizeMegabytes}m,mode=0755 tmpfs ${MOUNT_POINT} &&
      mkdir ${MOUNT_POINT}/postgres && ${owner === '' ? 'true' : `chown ${owner} ${MOUNT_POINT} ${MOUNT_POINT}/postgres`} &&
      echo mounted && exec ${become} sleep infinity`
    try {
      const holder = await startProcess(
        {
          name: 'Small disk',
          command: 'unshare',
          args: [...(account === undefined ? ['-r'] : []), '-m', 'sh', '-c', script],
          cwd: '/',
          env: {},
          account: undefined,
          logFile,
          book: new ProcessBook(join(folder, 'small-disk.json')),
          readyWithinMs: 10_000,
        },
        () => Promise.resolve(readFileSync(logFile, 'utf8').includes('mounted')),
      )
      return new SmallDisk(holder)
    } catch (error) {
      throw new Error(NEED, { cause: error })
    }
  }

  /** Where a server may keep its data. */
  get home(): ServerHome {
    return { account: serverAccount(), folder: `/proc/${this.#holder.pid}/root${MOUNT_POINT}` }
  }

  /** Takes all that is free, again after something was freed. */
  fill(): void {
    const file = openSync(this.#ballast, 'a')
    try {
      for (const size of [1 << 20, 1 << 12]) writeUntilFull(file, Buffer.alloc(size))
    } finally {
      closeSync(file)
    }
  }

  /** Gives back what was taken. */
  free(): void {
    rmSync(this.#ballast, { force: true })
  }

  async unmount(): Promise<void> {
    await this.#holder.kill()
  }

  get #ballast(): string {
    return join(this.home.folder, 'ballast')
  }
}

function writeUntilFull(file: number, block: Buffer): void {
  try {
    for (;;) if (writeSync(file, block) < block.length) return
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}
