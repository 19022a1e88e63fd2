import assert from 'node:assert/strict'
import type pg from 'pg'
import { type Finding, PHASES } from '../verification/check.js'
import { BEGINNING, verifyLedger } from '../verification/verify-ledger.js'

/** Proves the books of a database, as VerifyLedger does. */
export async function verifyBooks(pool: pg.Pool): Promise<void> {
  const findings: Finding[] = []
  for await (const event of verifyLedger({ pool, namespace: 'paymesh', from: BEGINNING, phases: PHASES })) {
    if (event.kind === 'finding') findings.push(event.finding)
  }
  assert.deepEqual(findings, [])
}
