// `make reset`: removes the state of a mesh that is down.
import { takeLock } from '#lock'
import { LaunchError } from './launch-error.js'
import { launcherLock } from './mesh-access.js'
import { removeOrphanedRuns, removeState, STATE_FOLDER } from './state-folder.js'
import { runCommand } from './terminal.js'

await runCommand(async () => {
  const lock = takeLock(launcherLock(STATE_FOLDER))
  if (lock.holder !== undefined) {
    const pid = lock.holder.pid
    throw new LaunchError(`The mesh is up (process ${pid}). Stop it first with Ctrl-C in its terminal, or: kill ${pid}`)
  }
  await removeOrphanedRuns()
  await removeState(STATE_FOLDER)
  console.log('The state is cleared.')
})
