import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockHolder, processStart, takeLock, thisProcess } from '#lock'
import { checkout } from './checkout.js'
import { testFolder } from './testing.js'

describe('the lock of a state folder', () => {
  it('is refused with its holder while that runs, and free after release', () => {
    const file = join(testFolder(), 'lock')
    const first = takeLock(file)
    assert.equal(first.holder, undefined)
    assert.deepEqual(takeLock(file), { holder: thisProcess() })
    first.release()
    const again = takeLock(file)
    assert.equal(again.holder, undefined)
  })

  for (const [what, pid, start] of [
    ['a process that no longer runs', 999_999_999, 'long ago'],
    ['another process under the same id', process.pid, 'long ago'],
    ['a process whose start could not be read', process.pid, ''],
  ] as const) {
    it(`is stale when its holder is ${what}`, () => {
      const file = join(testFolder(), 'lock')
      writeFileSync(file, JSON.stringify({ pid, start }))
      assert.equal(lockHolder(file), undefined)
      assert.equal(takeLock(file).holder, undefined)
      assert.deepEqual(lockHolder(file), thisProcess())
    })
  }

  it('is stale when it is empty or not of ours', () => {
    const file = join(testFolder(), 'lock')
    writeFileSync(file, '')
    assert.equal(takeLock(file).holder, undefined)
  })

  it('goes to exactly one of many that want a stale one at once', async () => {
    const folder = testFolder()
    const file = join(folder, 'lock')
    writeFileSync(file, JSON.stringify({ pid: 999_999_999, start: 'long ago' }))
    const go = join(folder, 'go')
    const takers = Array.from({ length: 6 }, () => startTaker(file, go))
    await Promise.all(takers.map((taker) => taker.ready))
    writeFileSync(go, '')
    const answers = await Promise.all(takers.map((taker) => taker.answer))
    for (const taker of takers) taker.end()
    assert.equal(answers.filter((answer) => answer === 'taken').length, 1, answers.join(' '))
    assert.ok(!existsSync(`${file}.guard`))
  })

  it('knows a process by its start, and one that ended by having none', async () => {
    assert.match(processStart(process.pid) ?? '', /.+/)
    const child = spawn('true')
    await new Promise((resolve) => child.once('close', resolve))
    assert.equal(processStart(child.pid ?? 0), undefined)
  })
})

// Says `ready`, waits for the file `go`, says `taken` or `held`, and keeps what it has until its input ends.
const TAKER = `
import { existsSync } from 'node:fs'
const [lock, file, go] = process.argv.slice(1)
const { takeLock } = await import(lock)
console.log('ready')
while (!existsSync(go));
console.log(takeLock(file).holder ? 'held' : 'taken')
process.stdin.resume()
`

function startTaker(file: string, go: string) {
  const args = ['--input-type=module', '-e', TAKER, join(checkout, 'dev', 'lock.mjs'), file, go]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const says = (pattern: RegExp) =>
    new Promise<string>((resolve) => {
      let output = ''
      child.stdout.on('data', (text: Buffer) => {
        output += text.toString()
        const found = pattern.exec(output)
        if (found) resolve(found[0])
      })
    })
  return { ready: says(/ready/), answer: says(/taken|held/), end: () => child.stdin.end() }
}
