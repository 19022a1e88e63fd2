import { HttpBody } from '../../../gen/google/api/httpbody.js'
import { StatementFormat, type StreamStatementRequest } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { type AssetStore } from '../asset-store.js'
import { type Engine } from '../engine.js'
import { readEntries } from '../entries.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { type NamedAccountStore } from '../named-account-store.js'
import { csvStatement, jsonStatement } from '../statement-format.js'
import { periodNs } from '../../runtime/period.js'

// What one message carries: some 150 kilobytes, the most that a statement ever takes of the process's memory.
const ENTRIES_PER_MESSAGE = 500

export interface StreamStatementDeps {
  readonly engine: Engine
  readonly assets: AssetStore
  readonly names: NamedAccountStore
}

/** AccountService.StreamStatement. The next page is read when the one before was taken. */
export async function* streamStatement(
  deps: StreamStatementDeps,
  call: Call,
  request: StreamStatementRequest,
): AsyncIterable<HttpBody> {
  const period = parse(request)
  const account = await deps.names.find(request.name)
  if (account === undefined) {
    throw ledgerError('ACCOUNT_NOT_FOUND', `${request.name} does not exist.`, { account: request.name })
  }
  const { assetCode } = account.name
  const asset = await deps.assets.find(assetCode)
  if (asset === undefined) throw new Error(`the asset ${assetCode} vanished`)
  const isJson = request.format === StatementFormat.JSON
  const writer = isJson ? jsonStatement() : csvStatement({ assetCode, scale: asset.scale })

  let { min } = period
  let text = writer.header
  for (;;) {
    const page = { ...period, min, countMax: ENTRIES_PER_MESSAGE, newestFirst: false }
    const found = call.signal.aborted ? [] : await readEntries(deps, account, page)
    text += found.map(({ entry }) => writer.line(entry)).join('')
    const last = found.at(-1)
    const isLast = last === undefined || found.length < ENTRIES_PER_MESSAGE
    // Even a statement of nothing says of what type it is.
    if (text !== '' || (isLast && min === period.min)) {
      yield HttpBody.fromPartial({ contentType: writer.contentType, data: Buffer.from(text) })
    }
    if (isLast) return
    min = last.timestamp + 1n
    text = ''
  }
}

function parse(request: StreamStatementRequest): { min: bigint; max: bigint } {
  const formats: readonly number[] = [StatementFormat.UNSPECIFIED, StatementFormat.CSV, StatementFormat.JSON]
  const check = new FieldCheck(DOMAIN)
  const isName = parseResourceName('accounts/{account}', request.name) !== undefined
  check.that(isName, 'name', 'must be like accounts/{account}')
  check.that(formats.includes(request.format), 'format', 'must be a format of a statement')
  const period = periodNs(check, request)
  check.done()
  return period
}
