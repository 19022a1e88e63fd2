import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder that holds package.json: the source tree, whether this module runs from `dist` or not. */
function packageRoot(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`No package.json at or above ${import.meta.dirname}.`)
    folder = parent
  }
  return folder
}

const root = packageRoot()

/**
 * The absolute path of a file that is read at run time (SQL, the descriptor image, service configs), given from the
 * package root. Such files are never copied beside the compiled code, so there is one truth and no stale copy.
 */
export function assetPath(relative: string): string {
  return join(root, relative)
}
