import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import { join } from 'node:path'
import { Client, type MethodDefinition } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { freePort, testCertificates, testDatabase, testFolder } from '../../../dev/testing.js'
import {
  RegisterUserRequest,
  type RegisterUserResponse,
  UserServiceService,
} from '../../../gen/paymesh/identity/v1/user_service.js'
import { clientCredentials } from '../../runtime/mesh-credentials.js'
import { SwitchableDatabase } from './switchable-database.js'

const folder = join(import.meta.dirname, '..')

interface Ended {
  code: number | null
  output: string
}

class TestProcess {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  #output = ''

  constructor(program: string, env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, [join(folder, program)], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString()
        this.child.emit('output')
      })
    }
    this.ended = once(this.child, 'close').then(() => ({ code: this.child.exitCode, output: this.#output }))
  }

  /** Resolves when the output holds the text; rejects when the process ends first. */
  async says(text: string): Promise<void> {
    while (!this.#output.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`ended before it said "${text}": ${this.#output}`)
      await Promise.race([once(this.child, 'output'), this.ended])
    }
  }

  async stop(): Promise<Ended> {
    this.child.kill('SIGTERM')
    return await this.ended
  }
}

describe('the Identity process', () => {
  const running: TestProcess[] = []
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()))
  })

  const run = (program: string, env: NodeJS.ProcessEnv): TestProcess => {
    const one = new TestProcess(program, env)
    running.push(one)
    return one
  }

  async function environment(databaseUrl: string): Promise<Record<string, string>> {
    const { certFile, keyFile, caFile } = (await testCertificates()).of('identity')
    const address = async (): Promise<string> => `localhost:${await freePort()}`
    return {
      ENVIRONMENT: 'development',
      LISTEN_ADDRESS: await address(),
      ADMIN_ADDRESS: await address(),
      HTTP_ADDRESS: await address(),
      TLS_CERT_FILE: certFile,
      TLS_KEY_FILE: keyFile,
      TLS_CA_FILE: caFile,
      DATABASE_URL: databaseUrl,
      TOKEN_ISSUER: 'https://paymesh.test',
      NOTIFICATION_FILE: join(testFolder(), 'notifications.jsonl'),
      KEY_ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 1).toString('base64')}`,
      BLIND_INDEX_KEY: Buffer.alloc(32, 2).toString('base64'),
    }
  }

  async function keySet(address: string): Promise<string> {
    const { certFile, keyFile, caFile } = (await testCertificates()).of('edge')
    const [cert, key, ca] = [certFile, keyFile, caFile].map((file) => readFileSync(file, 'utf8'))
    const session = http2.connect(`https://${address}`, { cert, key, ca })
    const stream = session.request({ ':path': '/.well-known/jwks.json' })
    let body = ''
    for await (const chunk of stream) body += String(chunk)
    session.close()
    return body
  }

  async function call<Q, R>(address: string, method: MethodDefinition<Q, R>, request: Q): Promise<R> {
    const client = new Client(address, clientCredentials((await testCertificates()).of('edge'), 'identity'))
    const { path, requestSerialize, responseDeserialize } = method
    try {
      return await new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) => {
          if (error === null) resolve(answer!)
          else reject(error)
        })
      })
    } finally {
      client.close()
    }
  }

  const register = (address: string, email: string): Promise<RegisterUserResponse> => {
    const request = RegisterUserRequest.fromPartial({ user: { email }, password: 'correct horse' })
    return call(address, UserServiceService.registerUser, request)
  }

  it('migrates, starts twice on one database with one key, serves, and stops in order', async () => {
    const url = await testDatabase('identity')
    const migrated = await run('migrate.js', { DATABASE_URL: url }).ended
    assert.deepEqual([migrated.code, migrated.output], [0, 'identity: nothing to migrate\n'])

    const environments = [await environment(url), await environment(url)]
    const replicas = environments.map((env) => run('main.js', env))
    await Promise.all(replicas.map((one) => one.says('"started"')))
    const keySets = await Promise.all(environments.map((env) => keySet(env['HTTP_ADDRESS']!)))
    assert.match(keySets[0]!, /"kid"/)
    assert.equal(keySets[0], keySets[1])

    const [first] = environments
    const ready = await fetch(`http://${first!['ADMIN_ADDRESS']}/readyz`)
    assert.equal(ready.status, 200)
    for (const name of ['', 'UserService', 'SessionService', 'RoleService']) {
      const service = name === '' ? '' : `paymesh.identity.v1.${name}`
      const health = await call(first!['LISTEN_ADDRESS']!, healthService.Check as MethodDefinition<object, object>, {
        service,
      })
      assert.deepEqual(health, { status: 'SERVING' })
    }
    assert.match((await register(first!['LISTEN_ADDRESS']!, 'ann@example.com')).user!.name, /^users\//)

    for (const { code, output } of await Promise.all(replicas.map((one) => one.stop()))) {
      assert.equal(code, 0, output)
      assert.doesNotMatch(output, /"level":"(warn|error|fatal)"/)
    }
  })

  it('answers what it accepted before it was told to stop', async () => {
    const env = await environment(await testDatabase('identity'))
    const one = run('main.js', { ...env, LOG_LEVEL: 'debug' })
    await one.says('"started"')
    const calls = Array.from({ length: 20 }, (_, i) => register(env['LISTEN_ADDRESS']!, `user-${i}@example.com`))
    await Promise.race(calls)
    const [{ code, output }, outcomes] = await Promise.all([one.stop(), Promise.allSettled(calls)])
    assert.equal(code, 0, output)
    // A call that came too late for this replica was refused before anything was done.
    const answered = outcomes.filter((outcome) => outcome.status === 'fulfilled').length
    assert.equal(output.split('"code":"OK"').length - 1, answered)
  })

  it('is ready only while its database is', async () => {
    const url = await testDatabase('identity')
    const env = await environment(url)
    const one = run('main.js', env)
    await one.says('"started"')
    const ready = async (): Promise<number> => (await fetch(`http://${env['ADMIN_ADDRESS']}/readyz`)).status
    assert.equal(await ready(), 200)
    const database = await SwitchableDatabase.connect(url)
    try {
      await database.goAway()
      assert.equal(await ready(), 503)
      await database.comeBack()
      assert.equal(await ready(), 200)
    } finally {
      await database.close()
    }
    assert.equal((await one.stop()).code, 0)
  })

  it('names what is missing from its environment and exits 78', async () => {
    const { KEY_ENCRYPTION_KEYS: _, ...env } = await environment('postgres://localhost/none')
    const { code, output } = await run('main.js', { ...env, BLIND_INDEX_KEY: 'secret' }).ended
    assert.equal(code, 78)
    assert.match(output, /KEY_ENCRYPTION_KEYS is missing/)
    assert.match(output, /BLIND_INDEX_KEY is wrong/)
    assert.doesNotMatch(output, /secret/)
  })
})
