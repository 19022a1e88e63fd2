// `make reset`: removes the state of a mesh that is down.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { takeLock } from '#lock'
import { LaunchError } from './launch-error.js'
import { launcherLock } from './mesh-access.js'
import { bookFile, isInUse } from './process-book.js'
import { outsideFolder } from './server-home.js'
import { removeState, STATE_FOLDER, TESTS_FOLDER } from './state-folder.js'
import { runCommand } from './terminal.js'

await runCommand(async () => {
  const lock = takeLock(launcherLock(STATE_FOLDER))
  if (lock.holder !== undefined) {
    const pid = lock.holder.pid
    throw new LaunchError(`The mesh is up (process ${pid}). Stop it first with Ctrl-C in its terminal, or: kill ${pid}`)
  }
  const runs = existsSync(TESTS_FOLDER) ? readdirSync(TESTS_FOLDER).map((name) => join(TESTS_FOLDER, name)) : []
  if (runs.some((run) => isInUse(bookFile(run)))) {
    lock.release()
    throw new LaunchError(
      'Tests run in this checkout and keep their state beside that of the mesh. Wait for their end.',
    )
  }
  for (const run of runs) await removeState(run)
  await removeState(STATE_FOLDER)
  rmSync(outsideFolder(), { recursive: true, force: true })
  console.log('The state is cleared.')
})
