// `make test`: everything that must pass. Prints what each step said when it fails, and at last one line,
// `N passed, N failed`: the tests of all mocha runs, where a check that fails counts as one that failed.
import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Not `import.meta.dirname`: an older Node lacks it, and the set-up is what tells it that it is too old.
const root = fileURLToPath(new URL('..', import.meta.url))
const startMs = performance.now()
let passed = 0
let failed = 0

function say(text) {
  console.log(`[${((performance.now() - startMs) / 1000).toFixed(1).padStart(5)} s] ${text}`)
}

/** Runs a command with its output captured; `{ code, output }`. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.once('error', (error) => resolve({ code: -1, output: error.message }))
    child.once('close', (code) => resolve({ code, output }))
  })
}

/** A check passes or not. */
async function check(name, command, ...args) {
  const { code, output } = await run(command, args)
  if (code !== 0) failed += 1
  report(name, code === 0, output)
  return code === 0
}

/** A mocha run: its tests are counted. One that ends without counts, or skips a test, did not pass. */
async function mocha(name, script) {
  const { code, output } = await run('npm', ['run', '--silent', script])
  const count = (what) => Number(new RegExp(`^ {2}(\\d+) ${what}`, 'm').exec(output)?.[1] ?? 0)
  const bad = count('failing') + count('pending')
  passed += count('passing')
  failed += bad
  const sound = code === 0 && bad === 0 && count('passing') > 0
  if (!sound && bad === 0) failed += 1
  report(`${name}: ${count('passing')} passed, ${bad} failed`, sound, summaryOf(output))
}

// What mocha says at its end. Before it stand the dots, with what the services under test logged in between.
function summaryOf(output) {
  const lines = output.split('\n')
  const start = lines.findIndex((line) => /^ {2}\d+ (passing|failing)/.test(line))
  return (start < 0 ? lines.slice(-100) : lines.slice(start)).join('\n')
}

function report(name, sound, output) {
  say(`${sound ? 'ok    ' : 'FAILED'} ${name}`)
  if (!sound) console.log(output.trimEnd())
}

const npm = (name, script) => check(name, 'npm', 'run', '--silent', script)

async function contractsAndStyle() {
  await npm('generated code is up to date', 'gen-check')
  await npm('contracts by rule (buf lint)', 'proto-lint')
  await npm('contracts break nothing (buf breaking)', 'proto-breaking')
  await npm('formatting (prettier)', 'format-check')
  await npm('sources by rule (eslint)', 'lint')
}

/** With ENGINE=tigerbeetle: what needs a real server, which is not part of this project. */
async function onTigerBeetle() {
  const { ledgerEngine } = await import('../dist/dev/tigerbeetle.js')
  try {
    if (ledgerEngine(process.env).kind === 'postgres') return
  } catch (error) {
    failed += 1
    report('tests on TigerBeetle', false, error.message)
    return
  }
  await mocha('tests on TigerBeetle', 'test:tigerbeetle')
}

// The set-up compiles: a source that tsc refuses fails here, and without a build nothing else can run.
if (await check('set-up and compilation (tsc)', process.execPath, join('dev', 'setup.mjs'))) {
  // Side by side: many of the Ledger's tests wait for something to be noticed. The whole mesh then has both cores.
  const ofServices = [mocha("the Ledger's tests", 'test:ledger'), mocha('unit and integration tests', 'test:others')]
  await Promise.all([contractsAndStyle(), ...ofServices])
  await mocha('end-to-end tests', 'test:e2e')
  if ((process.env.ENGINE ?? '') !== '') await onTigerBeetle()
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
