import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from './checkout.js'
import { bookFile, stopOrphans } from './process-book.js'
import { outsideFolder, serverHome } from './server-home.js'

/** Everything that `make up` keeps: certificates, secrets, databases, logs. */
export const STATE_FOLDER = join(checkout, '.paymesh')

/** Where test runs keep theirs, a folder each. */
export const TESTS_FOLDER = join(STATE_FOLDER, 'test')

/** Where a test run keeps the state folders of its own meshes, below its folder. */
export const NESTED = 'files'

/** Stops what a killed launcher left running in a state folder and removes the folder, here and outside. */
export async function removeState(folder: string): Promise<void> {
  if (!existsSync(folder)) return
  const nested = join(folder, NESTED)
  for (const name of existsSync(nested) ? readdirSync(nested) : []) await removeState(join(nested, name))
  await stopOrphans(bookFile(folder))
  const home = serverHome(folder).folder
  if (home.startsWith(outsideFolder())) rmSync(home, { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
}
