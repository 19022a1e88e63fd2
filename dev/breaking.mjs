// Fails when proto/ breaks who was compiled against the contracts as they last landed: against the commit where this
// branch left main or, on main itself, the commit before. Uncommitted changes count.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

function git(...args) {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

function baseline() {
  const head = git('rev-parse', 'HEAD')
  if (head === undefined) return undefined
  const forks = ['origin/main', 'main'].map((main) => git('merge-base', 'HEAD', main))
  const changed = git('status', '--porcelain', '--', 'proto') !== ''
  const candidates = [...forks.filter((fork) => fork !== head), ...(changed ? [head] : []), git('rev-parse', 'HEAD~1')]
  return candidates.find((commit) => commit !== undefined && git('ls-tree', commit, '--', 'proto') !== '')
}

function compare(commit) {
  const old = mkdtempSync(join(tmpdir(), 'paymesh-contracts-'))
  try {
    const archive = execFileSync('git', ['archive', commit, 'proto'], { cwd: root, maxBuffer: 2 ** 28 })
    execFileSync('tar', ['-x', '-C', old], { input: archive })
    // Of today, so that both sides have the same modules; only our own contracts are compared.
    copyFileSync(join(root, 'buf.yaml'), join(old, 'buf.yaml'))
    symlinkSync(join(root, 'node_modules'), join(old, 'node_modules'))
    execFileSync(join('node_modules', '.bin', 'buf'), ['breaking', '--against', old], { cwd: root, stdio: 'inherit' })
    console.log(`The contracts break nothing since ${commit.slice(0, 12)}.`)
  } catch {
    console.error(`The contracts break what was compiled against ${commit.slice(0, 12)}.`)
    process.exitCode = 1
  } finally {
    rmSync(old, { recursive: true })
  }
}

const commit = baseline()
if (commit === undefined) console.log('There is no earlier commit with contracts to compare with.')
else compare(commit)
