import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LaunchError } from './launch-error.js'
import { testFolder } from './testing.js'
import { ledgerEngine } from './tigerbeetle.js'

const WHERE_FROM =
  'get TigerBeetle 0.17.9 or newer from https://docs.tigerbeetle.com/operating/installing/, then put `tigerbeetle` on ' +
  'PATH or its path into TIGERBEETLE_BINARY.'

function refusal(env: NodeJS.ProcessEnv): string {
  try {
    ledgerEngine(env)
  } catch (error) {
    assert.ok(error instanceof LaunchError)
    return error.message
  }
  throw new assert.AssertionError({ message: 'it was not refused' })
}

describe('ENGINE', () => {
  it('is PostgreSQL when nothing is said', () => {
    for (const env of [{}, { ENGINE: '' }, { ENGINE: 'postgres' }]) {
      assert.deepEqual(ledgerEngine(env), { kind: 'postgres' })
    }
  })

  it('finds the server of TigerBeetle where it is said to be, else on PATH', () => {
    const folder = testFolder()
    const binary = join(folder, 'tigerbeetle')
    writeFileSync(binary, '')
    assert.equal(
      refusal({ ENGINE: 'tigerbeetle', PATH: folder }),
      `The program \`tigerbeetle\` is missing: ${WHERE_FROM}`,
    )
    chmodSync(binary, 0o755)
    const found = { kind: 'tigerbeetle', binary }
    assert.deepEqual(ledgerEngine({ ENGINE: 'tigerbeetle', PATH: `/nowhere:${folder}` }), found)
    assert.deepEqual(ledgerEngine({ ENGINE: 'tigerbeetle', TIGERBEETLE_BINARY: binary, PATH: '' }), found)
  })

  it('is refused in one sentence when the server is missing or the name is none', () => {
    assert.equal(
      refusal({ ENGINE: 'tigerbeetle', TIGERBEETLE_BINARY: '/nowhere/tigerbeetle' }),
      `TIGERBEETLE_BINARY=/nowhere/tigerbeetle is not a program that can be run: ${WHERE_FROM}`,
    )
    assert.equal(refusal({ ENGINE: 'tiger' }), 'ENGINE=tiger is no engine of the ledger. Give postgres or tigerbeetle.')
  })
})
