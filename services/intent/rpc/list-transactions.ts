import {
  type ListTransactionsRequest,
  type ListTransactionsResponse,
} from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { Transaction as TransactionMessage } from '../../../gen/paymesh/intent/v1/transaction.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { fittingPage } from '../../runtime/page-fit.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { periodNs } from '../../runtime/period.js'
import { errorDomain } from '../errors.js'
import { readTransactions, type TransactionQuery } from '../wallets/transactions.js'
import { type RpcDeps } from './deps.js'
import { findWallet } from './find-wallet.js'
import { checkDirection, transactionDeps, transactionToMessage } from './transaction-query.js'
import { checkWalletName } from './wallet-fields.js'

/**
 * Lists what happened on a wallet, newest first. Fails with INVALID_FIELD, WALLET_NOT_FOUND, NOT_OWNER,
 * DEPENDENCY_UNAVAILABLE.
 */
export async function listTransactions(
  deps: RpcDeps,
  call: Call,
  request: ListTransactionsRequest,
): Promise<ListTransactionsResponse> {
  const { walletId, query, filters } = parse(request)
  const wallet = await findWallet(deps, call, walletId)
  const { transactions, cursorNs } = await readTransactions(transactionDeps(deps, call, wallet), walletId, query)
  const messages = transactions.map((transaction) => transactionToMessage(transaction, wallet.assetCode))
  const page = fittingPage(messages, TransactionMessage)
  // Where the next page begins: behind the last that fits or, when all do, behind the last that was looked at.
  const nextNs = page.length < messages.length ? transactions[page.length - 1]?.timeNs : cursorNs
  return {
    transactions: page,
    nextPageToken: nextNs === undefined ? '' : encodePageToken([nextNs.toString()], filters),
  }
}

const timePattern = /^\d{1,19}$/

function parse(request: ListTransactionsRequest): { walletId: string; query: TransactionQuery; filters: string } {
  const { pageToken } = request
  const check = new FieldCheck(errorDomain)
  const walletId = checkWalletName(check, request.parent, 'parent')
  const countMax = pageSize(request.pageSize, check)
  const { min, max } = periodNs(check, request)
  const direction = checkDirection(check, request.direction)
  const filters = JSON.stringify(['transactions', walletId, direction ?? '', String(min), String(max)])
  const [before = ''] = pageToken === '' ? [String(max + 1n)] : (decodePageToken(pageToken, filters) ?? [])
  const isToken = check.that(timePattern.test(before), 'page_token', 'must be a next_page_token of the same list')
  check.done()
  const maxNs = isToken ? BigInt(before) - 1n : max
  return { walletId, query: { minNs: min, maxNs, newestFirst: true, countMax, direction }, filters }
}
