// Which database errors pass by themselves.
import pg from 'pg'

// SQLSTATE classes: connection, transaction rollback (deadlock, serialization), insufficient resources, operator
// intervention (shutdown, statement timeout). https://www.postgresql.org/docs/current/errcodes-appendix.html
const passingClasses: ReadonlySet<string> = new Set(['08', '40', '53', '57'])
const socketErrors: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'])
// The driver gives these no code.
const driverMessages = /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)/

/** Whether the database could not be reached, or refused for now. Whether the statement took effect is then unknown. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return passingClasses.has((error.code ?? '').slice(0, 2))
  if (!(error instanceof Error)) return false
  return ('syscall' in error && 'code' in error && socketErrors.has(error.code)) || driverMessages.test(error.message)
}
