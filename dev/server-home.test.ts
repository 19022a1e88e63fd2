import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './ports.js'
import { POSTGRES_SUPERUSER, runStatements, startPostgres } from './postgres.js'
import { bookFile, ProcessBook } from './process-book.js'
import { outsideFolder, outsideHome, reachableProgram, serverAccount, serverHome } from './server-home.js'
import { removeState } from './state-folder.js'

const isRoot = process.getuid?.() === 0

describe('the home of servers that do not run as root', () => {
  let closed: string
  beforeEach(() => {
    // Not below the folder of the test run, which may itself be closed.
    closed = mkdtempSync(join(tmpdir(), 'paymesh-closed-'))
    chmodSync(closed, 0o700)
  })
  afterEach(async () => {
    await removeState(join(closed, 'state'))
    assert.ok(!existsSync(outsideHome(join(closed, 'state'))))
    rmSync(closed, { recursive: true, force: true })
  })

  it('is the state folder where the account can enter it, else one outside', () => {
    const state = join(closed, 'state')
    const home = serverHome(state)
    assert.equal(home.folder.startsWith(outsideFolder()), isRoot)
    chmodSync(closed, 0o711)
    assert.equal(serverHome(state).folder, state)
  })

  it('is ours, with programs where they are, unless we are root', () => {
    const account = serverAccount()
    assert.equal(account === undefined, !isRoot)
    const home = serverHome(join(closed, 'state'))
    const program = { tree: '/', path: 'bin/sh' }
    assert.equal(reachableProgram(home, program), '/bin/sh')
  })

  it('lets PostgreSQL run below a folder with mode 0700, and is removed with the state', async function () {
    this.timeout(60_000)
    const state = join(closed, 'state')
    const [home, port] = [serverHome(state), await freePort()]
    const options = { home, port, book: new ProcessBook(bookFile(state)), logFile: join(state, 'postgres.log') }
    for (const start of ['first', 'second']) {
      const postgres = await startPostgres({ ...options, password: 'secret' })
      const url = postgres.url('postgres', POSTGRES_SUPERUSER, 'secret')
      const statement = start === 'first' ? 'create table kept (x int)' : 'drop table kept'
      await runStatements(url, [statement])
      await assert.rejects(runStatements(postgres.url('postgres', POSTGRES_SUPERUSER, 'wrong'), ['select 1']))
      assert.deepEqual(await postgres.process.stop(), { code: 0, signal: null })
    }
    const data = join(home.folder, 'postgres', 'data')
    assert.equal(statSync(data).uid, home.account?.uid ?? process.getuid?.())
    assert.equal(statSync(data).mode & 0o777, 0o700)
    await removeState(state)
    assert.ok(!existsSync(data))
  })

  it('starts a cluster whose predecessor was killed in its making, and one that was killed while it ran', async function () {
    this.timeout(60_000)
    const state = join(closed, 'state')
    const home = serverHome(state)
    mkdirSync(join(home.folder, 'postgres', 'data.new', 'base'), { recursive: true })
    const book = new ProcessBook(bookFile(state))
    const options = { home, book, logFile: join(state, 'postgres.log'), port: await freePort(), password: undefined }
    const first = await startPostgres(options)
    await first.process.kill()
    const second = await startPostgres(options)
    await runStatements(second.url('postgres', POSTGRES_SUPERUSER), ['select 1'])
    await second.process.stop()
  })
})
