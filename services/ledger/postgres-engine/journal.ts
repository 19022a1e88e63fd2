import { createHash } from 'node:crypto'
import { type Account } from '../state-machine/account.js'
import { type FailedTransfer, type Transfer } from '../state-machine/transfer.js'
import { uuidText } from './text.js'

// The journal's hash of a batch: SHA-256 over the hash of the batch before (32 bytes) and these lines in UTF-8, each
// ended by a line feed. Ids are 32 hexadecimal digits, everything else is decimal.
//
//     batch,<batch>,<ledger's clock after it>
//     account,<timestamp>,<id>,<ledger>,<code>,<flags>,<user_data_128>,<user_data_64>,<user_data_32>
//     transfer,<timestamp>,<id>,<debit account>,<credit account>,<amount>,<pending id>,<timeout>,<ledger>,<code>,<flags>,
//              <user_data_128>,<user_data_64>,<user_data_32>            (one line)
//     expired,<id>
//     failed,<id>,<status>
//
// Accounts and transfers come in the order of their timestamps, expired and failed ids in the order of the ids. Text,
// so that anyone can compute it from the tables with nothing but SQL and a SHA-256.

/** What of a batch the hash covers. */
export interface JournalEntry {
  readonly batch: bigint
  readonly lastTimestamp: bigint
  readonly accounts: readonly Account[]
  readonly transfers: readonly Transfer[]
  readonly expiredIds: readonly bigint[]
  readonly failures: readonly FailedTransfer[]
}

/** The hash that follows `previous`. */
export function journalHash(previous: Buffer, entry: JournalEntry): Buffer {
  let lines = `batch,${entry.batch},${entry.lastTimestamp}\n`
  for (const account of entry.accounts) lines += accountLine(account)
  for (const transfer of entry.transfers) lines += transferLine(transfer)
  for (const id of entry.expiredIds.map(uuidText).sort()) lines += `expired,${id}\n`
  const failed = entry.failures.map(({ id, status }) => `failed,${uuidText(id)},${status}\n`)
  lines += failed.sort().join('')
  return createHash('sha256').update(previous).update(lines).digest()
}

function accountLine(a: Account): string {
  const properties = `${uuidText(a.id)},${a.ledger},${a.code},${a.flags}`
  return `account,${a.timestamp},${properties},${uuidText(a.userData128)},${a.userData64},${a.userData32}\n`
}

function transferLine(t: Transfer): string {
  const accounts = `${uuidText(t.debitAccountId)},${uuidText(t.creditAccountId)}`
  const properties = `${uuidText(t.pendingId)},${t.timeoutSeconds},${t.ledger},${t.code},${t.flags}`
  const userData = `${uuidText(t.userData128)},${t.userData64},${t.userData32}`
  return `transfer,${t.timestamp},${uuidText(t.id)},${accounts},${t.amount},${properties},${userData}\n`
}
