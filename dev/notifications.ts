// What Identity tells people. On one machine nobody has a mailbox: it comes to a file of the state folder.
import { existsSync, readFileSync, unwatchFile, watchFile } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { eventually } from './eventually.js'

/** The file to which Identity appends, readable by its owner only. */
export function notificationFile(stateFolder: string): string {
  return join(stateFolder, 'notifications.jsonl')
}

const notification = z.object({ kind: z.string(), email: z.string(), code: z.string().optional() })
/** Something that a person was told. */
export type ToldNotification = z.infer<typeof notification>

/** What was told since the mesh started, oldest first. */
export function readNotifications(file: string): ToldNotification[] {
  if (!existsSync(file)) return []
  // The last line may still be on its way.
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => notification.parse(JSON.parse(line)))
}

const LOOK_INTERVAL_MS = 300

/** Calls `tell` for each notification from now on. Answers how to stop. */
export function watchNotifications(file: string, tell: (told: ToldNotification) => void): () => void {
  let told = readNotifications(file).length
  const look = (): void => {
    const fresh = readNotifications(file).slice(told)
    told += fresh.length
    fresh.forEach(tell)
  }
  watchFile(file, { interval: LOOK_INTERVAL_MS, persistent: false }, look)
  return () => {
    unwatchFile(file, look)
  }
}

/** The code that was last sent to an address, of a kind; waits for the first one. */
export async function codeSentTo(file: string, email: string, kind = 'CONTACT_CODE'): Promise<string> {
  let code: string | undefined
  await eventually(() => {
    code = readNotifications(file).findLast((told) => told.email === email && told.kind === kind)?.code
    return code !== undefined
  })
  return code ?? ''
}
