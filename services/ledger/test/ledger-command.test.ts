import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { testCertificates, testFolder } from '../../../dev/testing.js'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { assetPath } from '../../runtime/assets.js'
import { uuidV5ToUint128 } from '../../runtime/ids.js'
import { accountEvent, makeNamedAccounts, TestLedger, transferEvent } from './harness.js'

async function command(...args: readonly string[]) {
  const env = { PATH: process.env['PATH'], PAYMESH_STATE: testFolder() }
  const child = spawn(process.execPath, [assetPath('dist/dev/ledger.js'), ...args], { env })
  const [out, problem, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, out: out.trimEnd(), problem }
}

describe('npm run ledger', () => {
  it('prints the id of a name', async () => {
    const { code, out } = await command('id', 'accounts/transit.THB')
    assert.equal(code, 0)
    const [, hex = ''] = /hex {5}([0-9a-f]{32})$/m.exec(out) ?? []
    // Version 5, RFC 9562's variant.
    assert.match(hex, /^.{12}5.{3}[89ab]/)
    assert.match(out, new RegExp(`^decimal ${BigInt(`0x${hex}`)}$`, 'm'))
    assert.notEqual((await command('id', 'accounts/transit.THB', '--namespace', 'other')).out, out)
  })

  it('verifies a ledger, and exits 1 when its books are wrong', async () => {
    const ledger = await TestLedger.start()
    try {
      await ledger.engine.createAccounts([accountEvent(1n), accountEvent(2n)])
      await ledger.engine.createTransfers([transferEvent(1n)])
      const tls = dirname((await testCertificates()).of('operator').certFile)
      const right = await command('verify', '--address', ledger.address, '--tls', tls)
      assert.equal(right.code, 0, right.problem)
      assert.match(
        right.out,
        /2 batches, 2 accounts, 1 transfers: the books are right\. Batch 2 has the hash [0-9a-f]{64}\.$/,
      )
      await ledger.pool.query('update transfers set amount = 2')
      const wrong = await command('verify', '--address', ledger.address, '--tls', tls)
      assert.equal(wrong.code, 1)
      assert.match(wrong.out, /^JOURNAL_BROKEN batches\/2: expected hash/m)
      assert.match(wrong.out, /3 findings/)
    } finally {
      await ledger.stop()
    }
  })

  it('reconciles an account with a file', async () => {
    const ledger = await TestLedger.start()
    try {
      const accounts = [
        { id: 'bank', asset: 'THB', kind: AccountKind.SETTLEMENT },
        { id: 'shop', asset: 'THB', kind: AccountKind.MERCHANT },
      ]
      await makeNamedAccounts(ledger, ['THB'], accounts)
      const [bank, shop] = accounts.map(({ id }) => uuidV5ToUint128('paymesh', `accounts/${id}`))
      const given = { debitAccountId: bank ?? 0n, creditAccountId: shop ?? 0n, userData128: 7n }
      await ledger.engine.createTransfers([
        transferEvent(1n, { ...given, amount: 150_25n }),
        transferEvent(2n, { ...given, amount: 9n }),
      ])
      const hex = (id: bigint) => id.toString(16).padStart(32, '0')
      const file = join(testFolder(), 'statement.csv')
      const reconcile = async (lines: readonly string[], ...args: string[]) => {
        await writeFile(file, ['external_id,transfer_id,side,amount', ...lines].join('\n'))
        const tls = dirname((await testCertificates()).of('operator').certFile)
        const target = ['--address', ledger.address, '--tls', tls]
        return command('reconcile', '--account', 'accounts/shop', ...args, file, ...target)
      }
      const [one, two] = [`INV-1,${hex(1n)},CREDIT,150.25`, `INV-2,${hex(2n)},CREDIT,0.09`]
      const right = await reconcile([one, two])
      assert.equal(right.code, 0, right.problem)
      assert.match(right.out, /^matched: {7}2, debits 0\.00 THB, credits 150\.34 THB$/m)
      assert.match(right.out, /both sides agree$/)

      const wrong = await reconcile([`INV-2,${hex(2n)},CREDIT,0.08`, `INV-3,${hex(3n)},DEBIT,1`])
      assert.equal(wrong.code, 1, wrong.problem)
      assert.match(wrong.out, /^MISSING_HERE "INV-3", DEBIT 1\.00 THB$/m)
      assert.match(wrong.out, /^DIFFERENT "INV-2", CREDIT 0\.08 THB; amount: there 8, here 9$/m)
      assert.match(wrong.out, /^MISSING_THERE transfer 0{31}1, CREDIT 150\.25 THB, POSTED at .*, accounts\/bank$/m)
      assert.match(wrong.out, /the sides do not agree$/)

      const before = await reconcile([], '--to', '2020-01-01T00:00:00Z')
      assert.equal(before.code, 0, before.problem)

      const malformed = await reconcile([one, 'INV-2'])
      assert.deepEqual([malformed.code, malformed.out], [65, ''])
      assert.match(malformed.problem, /^line 3: has 1 fields, the header has 4$/m)
    } finally {
      await ledger.stop()
    }
  })

  it('says what is wrong with a call', async () => {
    const shop = ['reconcile', '--account', 'accounts/shop']
    for (const args of [
      [],
      ['id'],
      ['id', 'wallets/x'],
      ['verify', 'now'],
      ['verify', '--address', 'localhost:1'],
      ['reconcile', 'file.csv'],
      ['reconcile', '--account', 'wallets/x', 'file.csv'],
      shop,
      [...shop, '--intent', 'file.csv'],
      [...shop, 'file.csv', 'another.csv'],
      [...shop, 'file.csv', '--from', 'yesterday'],
      [...shop, 'file.csv', '--to', '2026-01-01'],
      [...shop, 'file.csv', '--tls', 'folder'],
      [...shop, '--intent', '--address', 'localhost:1', '--tls', 'folder'],
      [...shop, '--intent', '--intent-address', 'localhost:1'],
    ]) {
      const { code, problem } = await command(...args)
      assert.equal(code, 64, args.join(' '))
      assert.match(problem, /^Usage: /)
    }
    const down = await command('verify')
    assert.equal(down.code, 1)
    assert.match(down.problem, /The mesh is not up/)
  })
})
