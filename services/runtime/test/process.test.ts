import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { status } from '@grpc/grpc-js'
import { testCertificates, testDatabase } from '../../../dev/testing.js'
import { GetIntentRequest, IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { assetPath } from '../assets.js'
import { createPool } from '../postgres.js'
import type { RpcError } from '../rpc-error.js'
import { clientOf, stopAll, until } from './running-server.js'

interface Child {
  child: ChildProcess
  records: Record<string, unknown>[]
  exitCode: Promise<number | null>
}

async function startChild(behaviour = ''): Promise<Child> {
  const { certFile, keyFile, caFile } = (await testCertificates()).of('intent')
  const script = assetPath('dist/services/runtime/test/small-service.js')
  const child = spawn(process.execPath, [script, certFile, keyFile, caFile, behaviour], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'info' },
  })
  const records: Record<string, unknown>[] = []
  createInterface(child.stdout).on('line', (line) => records.push(JSON.parse(line) as Record<string, unknown>))
  const exitCode = once(child, 'close').then(([code]) => code as number | null)
  return { child, records, exitCode }
}

async function portOf({ records }: Child): Promise<number> {
  const listening = () => records.find(({ msg }) => msg === 'listening')
  await until(() => listening() !== undefined)
  return Number(listening()?.['port'])
}

describe('a service process', () => {
  afterEach(stopAll)

  it('told SIGTERM under load answers what it accepted and exits 0', async () => {
    const service = await startChild()
    const target = { name: 'intent' as const, address: `localhost:${await portOf(service)}` }
    const client = await clientOf(IntentServiceService, target, 'operator')
    let answered = 0
    const failures: RpcError[] = []
    const caller = async () => {
      while (failures.length === 0) {
        await client.getIntent(GetIntentRequest.fromPartial({ name: 'intents/1' })).then(
          () => (answered += 1),
          (error: unknown) => failures.push(error as RpcError),
        )
      }
    }
    const callers = Array.from({ length: 16 }, caller)
    await until(() => answered > 300)
    service.child.kill('SIGTERM')
    await Promise.all(callers)
    assert.equal(await service.exitCode, 0)
    // After the drain nobody listens; a connection that broke under a call would show as another code.
    assert.deepEqual([...new Set(failures.map(({ code }) => status[code]))], ['UNAVAILABLE'])
    assert.ok(
      failures.every(({ message }) => /No connection established|ECONNREFUSED/.test(message)),
      failures[0]?.message,
    )
    assert.deepEqual(
      service.records.slice(-2).map(({ msg }) => msg),
      ['stopping', 'stopped'],
    )
  })

  const failures: [string, string, string][] = [
    ['that fails to start', 'fails to start', 'the service could not start or stop'],
    ['that fails to stop', 'fails to stop', 'the service could not start or stop'],
    ['with a rejection that nobody handles', 'rejects unhandled', 'a rejection was not handled'],
  ]
  for (const [what, behaviour, message] of failures) {
    it(`${what} logs it and exits 1`, async () => {
      const service = await startChild(behaviour)
      if (behaviour === 'fails to stop') {
        await portOf(service)
        await until(() => service.records.some(({ msg }) => msg === 'started'))
        service.child.kill('SIGTERM')
      }
      assert.equal(await service.exitCode, 1)
      const fatal = service.records.filter(({ level }) => level === 'fatal')
      assert.deepEqual(
        fatal.map(({ msg }) => msg),
        [message],
      )
    })
  }
})

describe('migrate.js of a service', () => {
  const run = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, [assetPath('dist/services/ledger/migrate.js')], { env })
    const texts: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => texts.push(text.toString()))
    const [code] = (await once(child, 'close')) as [number]
    return { code, text: texts.join('') }
  }

  it('names the variable that is missing and exits 78', async () => {
    const text = 'The configuration cannot be used: DATABASE_URL is missing.\n'
    assert.deepEqual(await run({}), { code: 78, text })
  })

  it('says in one line what does not fit and exits 1', async () => {
    const url = await testDatabase('ledger')
    const pool = createPool({ url, max: 1, applicationName: 'test' })
    await pool.query('drop schema public cascade; create schema public')
    assert.equal((await run({ DATABASE_URL: url })).code, 0)
    assert.deepEqual(await run({ DATABASE_URL: url }), { code: 0, text: 'ledger: nothing to migrate\n' })
    await pool.query("update schema_migrations set checksum = 'other'")
    await pool.end()
    const { code, text } = await run({ DATABASE_URL: url })
    assert.equal(code, 1)
    assert.match(
      text,
      /^ledger: The migration 0001_\w+\.sql was changed after it was applied; write a new one instead\.\n$/,
    )
  })
})
