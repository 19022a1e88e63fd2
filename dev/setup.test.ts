import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from './checkout.js'
import { testFolder } from './testing.js'

interface Outcome {
  code: number | null
  output: string
}

/** A checkout that needs nothing from a registry: its tsc says that it compiled, and its list of wheels is empty. */
function scratchCheckout(): string {
  const root = testFolder()
  const compiler = join(root, 'compiler')
  for (const folder of [join(root, 'dev'), join(compiler, 'bin')]) mkdirSync(folder, { recursive: true })
  for (const file of ['setup.mjs', 'lock.mjs']) cpSync(join(checkout, 'dev', file), join(root, 'dev', file))
  writeFileSync(join(root, 'dev', 'requirements.txt'), '')
  writeFileSync(join(compiler, 'package.json'), '{"name":"typescript","version":"0.0.0"}')
  writeFileSync(join(compiler, 'bin', 'tsc'), "require('fs').appendFileSync('compiled', 'once\\n')")
  const dependencies = { typescript: 'file:compiler' }
  const packages = {
    '': { name: 'scratch', version: '0.0.0', dependencies },
    compiler: { name: 'typescript', version: '0.0.0' },
    'node_modules/typescript': { resolved: 'compiler', link: true },
  }
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'scratch', version: '0.0.0', dependencies }))
  const lock = { name: 'scratch', version: '0.0.0', lockfileVersion: 3, requires: true, packages }
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock))
  return root
}

function run(command: string, args: string[], cwd: string, path?: string): Promise<Outcome> {
  // A make that runs these tests would otherwise pass its flags and level on to the make under test.
  const { MAKEFLAGS: _flags, MAKELEVEL: _level, MFLAGS: _mflags, ...inherited } = process.env
  const env = path === undefined ? inherited : { ...inherited, PATH: path }
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()))
  return new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ code, output })
    })
  })
}

const setup = (root: string, path?: string) => run(process.execPath, [join('dev', 'setup.mjs')], root, path)

/** A folder for PATH with these programs only; each is a shell script that answers so. */
function pathWith(programs: Record<string, string>): string {
  const folder = testFolder()
  symlinkSync('/bin/sh', join(folder, 'sh'))
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }
  return folder
}

describe('make setup', function () {
  this.timeout(60_000)

  it('installs and compiles once when two run at once, and installs nothing the next time', async () => {
    const root = scratchCheckout()
    const both = await Promise.all([setup(root), setup(root)])
    for (const { code, output } of both) assert.equal(code, 0, output)
    const said = both.map(({ output }) => output).join('')
    for (const line of ['installing npm packages', 'installing Envoy and Valkey', 'waiting for the set-up']) {
      assert.equal(said.split(line).length - 1, 1, `${line} in ${said}`)
    }
    assert.deepEqual(await setup(root), { code: 0, output: '' })
    assert.equal(readFileSync(join(root, 'compiled'), 'utf8'), 'once\nonce\nonce\n')
  })

  for (const [what, programs, sentence] of [
    ['python3', { npm: 'exit 0' }, /python3 is missing: .* Install Python 3\.\n$/],
    ['pip', { npm: 'exit 0', python3: 'test "$1" = --version' }, /pip is missing for python3\. Install it .*\n$/],
    ['npm', { python3: 'exit 0' }, /npm is missing: it comes with Node\. .*\n$/],
  ] as const) {
    it(`says in one sentence that ${what} is missing`, async () => {
      const { code, output } = await setup(scratchCheckout(), pathWith(programs))
      assert.equal(code, 1)
      assert.match(output, sentence)
      assert.ok(!output.includes('at '), output)
    })
  }

  it('says what failed when the sources do not compile, and tries again the next time', async () => {
    const root = scratchCheckout()
    writeFileSync(join(root, 'compiler', 'bin', 'tsc'), "console.log('ledger.ts(1,1): error'); process.exit(2)")
    for (const time of ['first', 'second']) {
      const { code, output } = await setup(root)
      assert.equal(code, 1, time)
      assert.match(output, /The sources do not compile \(node exited with 2\):\nledger\.ts\(1,1\): error\n$/)
    }
  })

  it('is not reached without node, which make says in one sentence', async () => {
    const make = (await run('sh', ['-c', 'command -v make'], checkout)).output.trim()
    const path = pathWith({ awk: 'exit 0' })
    const { code, output } = await run(make, ['up'], checkout, path)
    assert.equal(code, 2)
    assert.match(
      output,
      /^node is missing: Paymesh needs Node 20\.19 or newer\. Install it from https:\/\/nodejs\.org\.\n/,
    )
  })
})
