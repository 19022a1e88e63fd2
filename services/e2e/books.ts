import assert from 'node:assert/strict'
import { AccountKind, type Account } from '../../gen/paymesh/ledger/v1/account.js'
import { type MeshUnderTest } from './mesh-under-test.js'

/** Every named account, by page. */
export async function allAccounts(mesh: MeshUnderTest): Promise<Account[]> {
  const accounts: Account[] = []
  let pageToken = ''
  do {
    const page = await mesh.ledger.listAccounts({
      pageSize: 1000,
      pageToken,
      owner: '',
      assetCode: '',
      kind: AccountKind.UNSPECIFIED,
      parent: '',
    })
    accounts.push(...page.accounts)
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  return accounts
}

/** What must hold whenever nothing is under way: debits equal credits, transit is zero, nothing is held. */
export async function assertBooksBalance(mesh: MeshUnderTest): Promise<void> {
  const accounts = await allAccounts(mesh)
  for (const asset of new Set(accounts.map(({ assetCode }) => assetCode))) {
    const ofAsset = accounts.filter(({ assetCode }) => assetCode === asset)
    const sum = (pick: (account: Account) => bigint | undefined): bigint =>
      ofAsset.reduce((total, account) => total + (pick(account) ?? 0n), 0n)
    assert.equal(
      sum(({ balances }) => balances?.debitsPosted?.minorUnits),
      sum(({ balances }) => balances?.creditsPosted?.minorUnits),
      `debits and credits of ${asset}`,
    )
    for (const account of ofAsset) {
      assert.equal(account.balances?.debitsPending?.minorUnits, 0n, `${account.name} holds debits`)
      assert.equal(account.balances.creditsPending?.minorUnits, 0n, `${account.name} holds credits`)
      if (account.kind === AccountKind.TRANSIT) assert.equal(account.balances.posted?.minorUnits, 0n, account.name)
    }
  }
}
