import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRunning, type ProcessIdentity } from '#lock'
import { checkout } from './checkout.js'
import { checkPorts, fixedPorts, portChoices } from './ports.js'
import { bookFile } from './process-book.js'
import { testFolder } from './testing.js'

type Child = ProcessIdentity & { name: string }

class Command {
  static readonly started = new Set<Command>()
  readonly #child: ChildProcess
  readonly closed: Promise<number | null>
  output = ''

  constructor(name: 'up' | 'demo' | 'reset', env: Record<string, string>) {
    const script = join(checkout, 'dist', 'dev', `${name}.js`)
    this.#child = spawn(process.execPath, [script], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (text: Buffer) => {
        this.output += text.toString()
      })
    }
    this.closed = new Promise((resolve) => this.#child.once('close', resolve))
    Command.started.add(this)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves when the output has it; fails when the command ends without. */
  async says(pattern: RegExp): Promise<void> {
    const seen = new Promise<boolean>((resolve) => {
      this.#child.stdout?.on('data', () => {
        if (pattern.test(this.output)) resolve(true)
      })
    })
    const ended = this.closed.then(() => pattern.test(this.output))
    assert.ok(await Promise.race([seen, ended]), this.output)
  }
}

async function environment(): Promise<Record<string, string>> {
  for (;;) {
    // Below the ports that the system gives to connections and to who asks for any: nobody takes one of these by chance
    // while the mesh starts, or is down between two starts.
    const base = randomInt(20_000, 32_000)
    const env = { PORT: String(base + 90), HTTPS_PORT: String(base + 91), PORT_BASE: String(base) }
    try {
      await checkPorts(fixedPorts(portChoices(env)), '127.0.0.1')
      return { ...env, PAYMESH_STATE: join(testFolder(), 'mesh') }
    } catch {
      // Somebody has one of the ports above that base; another base.
    }
  }
}

function childrenOf(env: Record<string, string>): Child[] {
  const book = JSON.parse(readFileSync(bookFile(env['PAYMESH_STATE'] ?? ''), 'utf8')) as { children: Child[] }
  return book.children
}

const NAMES = ['Connector', 'Envoy', 'Identity', 'Intent', 'Ledger', 'PostgreSQL', 'Providers', 'Rules', 'Valkey']

describe('make up', function () {
  this.timeout(120_000)
  let env: Record<string, string>
  before(async () => {
    env = await environment()
  })

  // A test that fails must not leave a mesh behind.
  afterEach(async () => {
    for (const command of Command.started) {
      command.kill('SIGTERM')
      await command.closed
    }
    Command.started.clear()
  })

  it('makes a payment and says last where it is; is refused twice; stops everything on SIGTERM', async () => {
    const up = new Command('up', env)
    await up.says(/^Paymesh is up: .*\n/m)
    assert.match(up.output, /Alice paid Bob 150\.25 THB: intents\/\S+ settled in \d+ ms\./)
    assert.match(up.output, new RegExp(`\nPaymesh is up: http://localhost:${env['PORT'] ?? ''}\n$`))
    const children = childrenOf(env)
    assert.deepEqual(children.map(({ name }) => name).sort(), NAMES)
    assert.ok(children.every(isRunning))

    const [second, reset, demo] = [new Command('up', env), new Command('reset', env), new Command('demo', env)]
    assert.equal(await second.closed, 1)
    assert.match(second.output, new RegExp(`^This checkout's mesh is up already \\(process ${up.pid}\\)\\. .*\n$`))
    assert.equal(await reset.closed, 1)
    assert.match(reset.output, new RegExp(`^The mesh is up \\(process ${up.pid}\\)\\. Stop it first .*\n$`))
    assert.equal(await demo.closed, 0, demo.output)
    assert.match(demo.output, /settled in \d+ ms/)

    up.kill('SIGTERM')
    assert.equal(await up.closed, 0, up.output)
    assert.deepEqual(children.filter(isRunning), [])
    const late = new Command('demo', env)
    assert.equal(await late.closed, 1)
    assert.match(late.output, /^The mesh is not up\. .*\n$/)
  })

  it('starts again on its state, stops and says so when a process crashes, and then resets', async () => {
    const up = new Command('up', env)
    await up.says(/^Paymesh is up: /m)
    const children = childrenOf(env)
    process.kill(children.find(({ name }) => name === 'Rules')?.pid ?? 0, 'SIGKILL')
    assert.equal(await up.closed, 1, up.output)
    assert.match(
      up.output,
      /^Rules stopped with SIGKILL\. Everything is being stopped\. Start again with `make up`; .*$/m,
    )
    assert.deepEqual(children.filter(isRunning), [])

    const reset = new Command('reset', env)
    assert.equal(await reset.closed, 0, reset.output)
    assert.ok(!existsSync(env['PAYMESH_STATE'] ?? ''))
  })

  it('finds what a killed launcher left running, and starts', async () => {
    const killed = new Command('up', env)
    await killed.says(/starting the edge/)
    const orphans = childrenOf(env).filter(isRunning)
    killed.kill('SIGKILL')
    await killed.closed
    assert.ok(orphans.every(isRunning))
    const up = new Command('up', env)
    await up.says(/^Paymesh is up: /m)
    assert.match(up.output, /stopped what a killed launcher left running: .*PostgreSQL/)
    assert.deepEqual(orphans.filter(isRunning), [])
    up.kill('SIGINT')
    assert.equal(await up.closed, 0)
  })
})
