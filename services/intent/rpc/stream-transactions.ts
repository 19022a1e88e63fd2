import { HttpBody } from '../../../gen/google/api/httpbody.js'
import { type StreamTransactionsRequest } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { periodNs } from '../../runtime/period.js'
import { errorDomain } from '../errors.js'
import { readTransactions, type TransactionQuery } from '../wallets/transactions.js'
import { transactionLine, transactionsContentType, transactionsHeader } from '../wallets/transaction-csv.js'
import { type RpcDeps } from './deps.js'
import { findWallet } from './find-wallet.js'
import { checkDirection, transactionDeps } from './transaction-query.js'
import { checkWalletName } from './wallet-fields.js'

// What one message carries: some 100 kilobytes of text, and the intents behind it.
const transactionsPerMessage = 500

/**
 * Streams what happened on a wallet as CSV, oldest first. The next page is read when the one before was taken. Fails as
 * ListTransactions does.
 */
export async function* streamTransactions(
  deps: RpcDeps,
  call: Call,
  request: StreamTransactionsRequest,
): AsyncGenerator<HttpBody> {
  const { walletId, query } = parse(request)
  const wallet = await findWallet(deps, call, walletId)
  const scale = await deps.walletAccounts.assetScale(wallet.assetCode, { parent: call })
  const source = transactionDeps(deps, call, wallet)
  let text = transactionsHeader
  let next: TransactionQuery | undefined = query
  while (next !== undefined && !call.signal.aborted) {
    const page = await readTransactions(source, walletId, next)
    text += page.transactions.map((transaction) => transactionLine(transaction, wallet.assetCode, scale)).join('')
    if (text !== '') yield HttpBody.fromPartial({ contentType: transactionsContentType, data: Buffer.from(text) })
    text = ''
    next = page.cursorNs === undefined ? undefined : { ...next, minNs: page.cursorNs + 1n }
  }
}

function parse(request: StreamTransactionsRequest): { walletId: string; query: TransactionQuery } {
  const check = new FieldCheck(errorDomain)
  const walletId = checkWalletName(check, request.name, 'name')
  const { min, max } = periodNs(check, request)
  const direction = checkDirection(check, request.direction)
  check.done()
  const query = { minNs: min, maxNs: max, newestFirst: false, countMax: transactionsPerMessage, direction }
  return { walletId, query }
}
