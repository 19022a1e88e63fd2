import { appendFile } from 'node:fs/promises'
import type { Notification, Notifier } from './notification.js'

/**
 * For one machine: appends each notification to a file that its owner alone reads, as a line of JSON. The launcher shows
 * what comes there.
 */
export function fileNotifier(file: string): Notifier {
  return {
    send: async ({ id, kind, email, code }: Notification) => {
      const line = JSON.stringify({ id, kind, email: email.reveal(), code: code?.reveal() })
      await appendFile(file, `${line}\n`, { mode: 0o600 })
    },
  }
}
