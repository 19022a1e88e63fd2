import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { identify, isRunning } from '#lock'
import { LaunchError } from './launch-error.js'
import { type ProcessSpec, runProcess, startProcess } from './process.js'
import { bookFile, ProcessBook, stopOrphans } from './process-book.js'
import { checkout } from './checkout.js'
import { testFolder } from './testing.js'

function script(text: string, further: Partial<ProcessSpec> = {}): ProcessSpec {
  const folder = testFolder()
  return {
    name: 'Sample',
    command: 'sh',
    args: ['-c', text],
    cwd: folder,
    env: { READY: join(folder, 'ready') },
    account: undefined,
    logFile: join(folder, 'log', 'sample.log'),
    book: new ProcessBook(bookFile(folder)),
    readyWithinMs: 10_000,
    ...further,
  }
}

const readyFileOf = (spec: ProcessSpec) => () => Promise.resolve(existsSync(spec.env['READY'] ?? ''))
const never = () => Promise.resolve(false)

describe('a process of the launcher', () => {
  it('is started when it is ready, and stops on SIGTERM', async () => {
    const spec = script('trap "exit 7" TERM; echo up > $READY; while :; do sleep 0.1; done')
    const running = await startProcess(spec, readyFileOf(spec))
    assert.ok(isRunning(identify(running.pid)))
    assert.deepEqual(await running.stop(), { code: 7, signal: null })
    assert.ok(running.stopAsked)
  })

  it('that dies in its start is told with its exit and the end of its log', async () => {
    const spec = script('for i in $(seq 50); do echo line $i; done; echo because >&2; exit 3')
    await assert.rejects(startProcess(spec, never), (error: Error) => {
      assert.ok(error instanceof LaunchError)
      assert.match(error.message, /^Sample stopped with exit code 3\. The end of .*sample\.log:\n/)
      assert.match(error.message, / {2}because$/)
      assert.ok(!error.message.includes('line 10\n'))
      return true
    })
  })

  it('that is not ready in time is killed and told so', async () => {
    const spec = script('echo $$ > $READY; exec sleep 60', { readyWithinMs: 200 })
    await assert.rejects(
      startProcess(spec, never),
      /^Error: Sample was not ready within 0 s\. .*sample\.log is empty\.$/,
    )
    assert.ok(!isRunning(identify(Number(readFileSync(spec.env['READY'] ?? '', 'utf8')))))
  })

  it('that cannot be found is told so', async () => {
    const spec = script('', { command: join(testFolder(), 'missing') })
    await assert.rejects(startProcess(spec, never), /^Error: Sample could not be started: .*ENOENT/)
  })

  it('that runs to its end fails with a code other than 0', async () => {
    await runProcess(script('exit 0'))
    await assert.rejects(runProcess(script('exit 1')), /^Error: Sample stopped with exit code 1\./)
  })

  it('inherits nothing of the environment but PATH', async () => {
    process.env['PAYMESH_TEST_SECRET'] = 'x'
    try {
      const spec = script('env')
      await runProcess(spec)
      assert.ok(!readFileSync(spec.logFile, 'utf8').includes('PAYMESH_TEST_SECRET'))
    } finally {
      delete process.env['PAYMESH_TEST_SECRET']
    }
  })

  it('has a session of its own, so that Ctrl-C at the terminal does not reach it', async () => {
    const spec = script('echo up > $READY; exec sleep 60')
    const running = await startProcess(spec, readyFileOf(spec))
    process.kill(-running.pid, 'SIGINT') // to its group, which is not ours
    assert.deepEqual(await running.exited, { code: null, signal: 'SIGINT' })
  })
})

// A launcher that starts a child which ignores nothing, and is then killed.
const LAUNCHER = `
import { pathToFileURL } from 'node:url'
const [dist, folder] = process.argv.slice(1)
const { startProcess } = await import(pathToFileURL(dist + '/process.js').href)
const { ProcessBook, bookFile } = await import(pathToFileURL(dist + '/process-book.js').href)
const child = await startProcess({ name: 'Orphan', command: 'sleep', args: ['60'], cwd: folder, env: {},
  account: undefined, logFile: folder + '/orphan.log', book: new ProcessBook(bookFile(folder)), readyWithinMs: 1000 },
  () => Promise.resolve(true))
console.log(child.pid)
process.stdin.resume()
`

describe('what a killed launcher left running', () => {
  it('is stopped by the next one, but not while the launcher runs', async () => {
    const folder = testFolder()
    const args = ['--input-type=module', '-e', LAUNCHER, join(checkout, 'dist', 'dev'), folder]
    const launcher = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const pid = Number(
      await new Promise<string>((resolve) =>
        launcher.stdout.once('data', (d) => {
          resolve(String(d))
        }),
      ),
    )
    assert.deepEqual(await stopOrphans(bookFile(folder)), [])
    assert.ok(isRunning(identify(pid)))
    launcher.kill('SIGKILL')
    await new Promise((resolve) => launcher.once('close', resolve))
    assert.deepEqual(await stopOrphans(bookFile(folder)), ['Orphan'])
    assert.ok(!isRunning(identify(pid)))
    assert.ok(!existsSync(bookFile(folder)))
  })

  it('is not taken for another process that got its id', async () => {
    const folder = testFolder()
    const child = spawn('sleep', ['60'])
    try {
      const stranger = { name: 'Orphan', pid: child.pid, start: 'long ago' }
      writeFileSync(bookFile(folder), JSON.stringify({ launcher: { pid: 1, start: 'long ago' }, children: [stranger] }))
      assert.deepEqual(await stopOrphans(bookFile(folder)), [])
      assert.ok(isRunning(identify(child.pid ?? 0)))
    } finally {
      child.kill()
    }
  })
})
