import { renameSync, writeFileSync } from 'node:fs'

/** Writes a file in one step: readers see the old content or the new, also when the process dies in between. */
export function replaceFile(file: string, content: string | Uint8Array, mode: number): void {
  writeFileSync(`${file}.new`, content, { mode })
  renameSync(`${file}.new`, file)
}
