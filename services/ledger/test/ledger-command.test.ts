import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { testCertificates, testFolder } from '../../../dev/testing.js'
import { assetPath } from '../../runtime/assets.js'
import { accountEvent, TestLedger, transferEvent } from './harness.js'

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

  it('says what is wrong with a call', async () => {
    for (const args of [[], ['id'], ['id', 'wallets/x'], ['verify', 'now'], ['verify', '--address', 'localhost:1']]) {
      const { code, problem } = await command(...args)
      assert.equal(code, 64, args.join(' '))
      assert.match(problem, /^Usage: /)
    }
    const down = await command('verify')
    assert.equal(down.code, 1)
    assert.match(down.problem, /The mesh is not up/)
  })
})
