import {
  type VerifyLedgerRequest,
  type VerifyLedgerResponse,
} from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { FindingKind, VerificationPhase } from '../../../gen/paymesh/ledger/v1/verification.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken } from '../../runtime/page-token.js'
import { booksOf, DOMAIN } from '../errors.js'
import { type Phase, PHASES } from '../verification/check.js'
import {
  BEGINNING,
  type Position,
  type VerificationEvent,
  type VerificationOptions,
} from '../verification/verify-ledger.js'

/** What of a verification the caller decides. */
export type VerifyOptions = Pick<VerificationOptions, 'from' | 'phases' | 'signal'>

export interface VerifyBooks {
  /** Starts a verification of the Ledger's store. */
  verify(options: VerifyOptions): AsyncIterable<VerificationEvent>
}

/** LedgerAdminService.VerifyLedger. */
export async function* verifyLedger(
  deps: { readonly books: VerifyBooks | undefined },
  call: Call,
  request: VerifyLedgerRequest,
): AsyncIterable<VerifyLedgerResponse> {
  const books = booksOf(deps.books)
  const phases: readonly Phase[] = request.onlyJournal ? ['JOURNAL'] : PHASES
  const check = new FieldCheck(DOMAIN)
  const from = request.resumeToken === '' ? BEGINNING : positionOf(request.resumeToken, phases)
  check.that(from !== undefined, 'resume_token', 'is not a token of such a verification')
  check.done()
  if (from === undefined) throw new Error('unreachable: the token was checked')
  for await (const event of books.verify({ from, phases, signal: call.signal })) yield responseOf(event, phases)
}

function responseOf(event: VerificationEvent, phases: readonly Phase[]): VerifyLedgerResponse {
  switch (event.kind) {
    case 'finding':
      return { event: { $case: 'finding', finding: { ...event.finding, kind: FindingKind[event.finding.kind] } } }
    case 'progress': {
      const { phase, total, position } = event
      const done = BigInt(position.done[phase])
      const progress = { phase: VerificationPhase[phase], done, total, resumeToken: tokenOf(position, phases) }
      return { event: { $case: 'progress', progress } }
    }
    case 'summary': {
      const { done, findingCount } = event.position
      const summary = {
        batchCount: BigInt(done.JOURNAL),
        accountCount: BigInt(done.ACCOUNTS),
        transferCount: BigInt(done.TRANSFERS),
        findingCount: BigInt(findingCount),
        batch: event.batch,
        hash: event.hash,
      }
      return { event: { $case: 'summary', summary } }
    }
  }
}

function tokenOf({ phase, next, done, findingCount }: Position, phases: readonly Phase[]): string {
  return encodePageToken(
    [phase, next, String(findingCount), ...PHASES.map((name) => String(done[name]))],
    scope(phases),
  )
}

function positionOf(token: string, phases: readonly Phase[]): Position | undefined {
  const [name, next, findingCount, ...done] = decodePageToken(token, scope(phases)) ?? []
  const phase = phases.find((known) => known === name)
  if (phase === undefined || next === undefined) return undefined
  const counts = PHASES.map((_, index) => Number(done[index] ?? 0))
  const [JOURNAL = 0, ACCOUNTS = 0, TRANSFERS = 0, LEDGERS = 0, NAMES = 0, HISTORY = 0] = counts
  return {
    phase,
    next,
    done: { JOURNAL, ACCOUNTS, TRANSFERS, LEDGERS, NAMES, HISTORY },
    findingCount: Number(findingCount),
  }
}

function scope(phases: readonly Phase[]): string {
  return `verification ${phases.join()}`
}
