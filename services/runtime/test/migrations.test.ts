import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { testDatabase, testFolder } from '../../../dev/testing.js'
import { migrate, MigrationError } from '../migrations.js'

const first = 'create table one (id int primary key);'
const second = 'create table two (id int primary key); insert into two values (2);'

describe('migrate', () => {
  let url: string
  let folder: string

  const write = (name: string, sql: string) => {
    writeFileSync(join(folder, name), sql)
  }
  const query = async (sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }

  beforeEach(async () => {
    url = await testDatabase('ledger')
    await query('drop schema public cascade; create schema public')
    folder = testFolder()
    write('0001_one.sql', first)
    write('0002_two.sql', second)
  })

  it('applies what is missing, in order, and nothing twice', async () => {
    assert.deepEqual(await migrate(url, folder), ['0001_one.sql', '0002_two.sql'])
    assert.deepEqual(await migrate(url, folder), [])
    write('0003_three.sql', 'create table three ()')
    assert.deepEqual(await migrate(url, folder), ['0003_three.sql'])
    assert.deepEqual(await query('select id from two'), [{ id: 2 }])
  })

  it('is done once when ten processes do it at once', async () => {
    const applied = await Promise.all(Array.from({ length: 10 }, () => migrate(url, folder)))
    assert.equal(applied.filter((names) => names.length === 2).length, 1)
    assert.equal(applied.flat().length, 2)
    assert.deepEqual(await query('select count(*)::int as n from two'), [{ n: 1 }])
  })

  it('undoes a file that fails, keeps those before, and goes on when it is mended', async () => {
    write('0003_three.sql', 'create table three (); select nonsense;')
    await assert.rejects(migrate(url, folder), (error) => {
      return error instanceof MigrationError && /0003_three.sql failed and was rolled back/.test(error.message)
    })
    assert.deepEqual(await query("select to_regclass('three') as name"), [{ name: null }])
    write('0003_three.sql', 'create table three ()')
    assert.deepEqual(await migrate(url, folder), ['0003_three.sql'])
  })

  const refusals: [string, (folder: string) => void, RegExp][] = [
    [
      'a changed file',
      (at) => {
        writeFileSync(join(at, '0001_one.sql'), `${first} `)
      },
      /0001_one\.sql was changed after it was applied/,
    ],
    [
      'a missing file',
      (at) => {
        rmSync(join(at, '0002_two.sql'))
      },
      /0002_two\.sql was applied to this database but its file is gone/,
    ],
    [
      'a new file before an applied one',
      (at) => {
        writeFileSync(join(at, '0000_zero.sql'), '')
      },
      /0000_zero\.sql is new but sorts before 0001_one\.sql/,
    ],
    [
      'a number taken twice',
      (at) => {
        writeFileSync(join(at, '0002_again.sql'), '')
      },
      /number of the migration 0002_two\.sql is taken twice/,
    ],
    [
      'a file without a number',
      (at) => {
        writeFileSync(join(at, 'three.sql'), '')
      },
      /three\.sql is not named like/,
    ],
  ]
  for (const [what, change, message] of refusals) {
    it(`refuses ${what} and changes nothing`, async () => {
      await migrate(url, folder)
      write('0009_nine.sql', 'create table nine ()')
      change(folder)
      await assert.rejects(
        migrate(url, folder),
        (error) => error instanceof MigrationError && message.test(error.message),
      )
      assert.deepEqual(await query("select to_regclass('nine') as name"), [{ name: null }])
    })
  }

  it('refuses a folder that is not there', async () => {
    mkdirSync(folder, { recursive: true })
    await assert.rejects(migrate(url, join(folder, 'nowhere')), /no folder of migrations/)
  })
})
