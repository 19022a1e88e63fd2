import assert from 'node:assert/strict'
import pg from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { U128_MAX } from '../state-machine/u128.js'
import { boolArray, int2Array, int4Array, int8Array, numericArray, uuidArray, uuidOrNullArray } from './binary.js'
import { uuidValue } from './text.js'

describe('arrays in binary format', () => {
  let client: pg.Client
  before(async () => {
    client = new pg.Client({ connectionString: await testDatabase('ledger') })
    await client.connect()
  })
  after(() => client.end())

  /** The elements of a parameter as the server reads them, in text. */
  async function readBack(type: string, array: Buffer): Promise<(string | null)[]> {
    const text = `select e::text from unnest($1::${type}[]) with ordinality as u(e, n) order by n`
    const { rows } = await client.query<{ e: string | null }>(text, [array])
    return rows.map(({ e }) => e)
  }

  const u64Max = 2n ** 64n - 1n
  const whole = [0n, 1n, 9n, 10n, 9_999n, 10_000n, 10_001n, 99_999_999n, 100_000_000n, 2n ** 53n, u64Max, U128_MAX]
  const manyDigits = Array.from({ length: 39 }, (_, digits) => 10n ** BigInt(digits))

  it('hold u128 as numeric, digit for digit', async () => {
    const values = [...whole, ...manyDigits, ...manyDigits.map((power) => power - 1n)]
    assert.deepEqual(await readBack('numeric', numericArray(values)), values.map(String))
  })

  it('refuse a number below zero where a counter or amount is meant', () => {
    assert.throws(() => numericArray([1n, -1n]), new RangeError('-1 is below zero'))
  })

  it('hold u128 as uuid, and null for zero where asked', async () => {
    assert.deepEqual((await readBack('uuid', uuidArray(whole))).map(uuidValue), whole)
    const [zero, ...others] = await readBack('uuid', uuidOrNullArray(whole))
    assert.equal(zero, null)
    assert.deepEqual(others.map(uuidValue), whole.slice(1))
  })

  it('hold whole numbers to the ends of their ranges', async () => {
    const wide = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), undefined, 4_294_967_295]
    const wideText = ['0', '-1', '9223372036854775807', '-9223372036854775808', null, '4294967295']
    assert.deepEqual(await readBack('int8', int8Array(wide)), wideText)
    assert.deepEqual(await readBack('int4', int4Array([0, -1, 2 ** 31 - 1])), ['0', '-1', '2147483647'])
    assert.deepEqual(await readBack('int2', int2Array([1, 4])), ['1', '4'])
    assert.deepEqual(await readBack('bool', boolArray([true, false])), ['true', 'false'])
  })

  it('may be empty', async () => {
    assert.deepEqual(await readBack('uuid', uuidArray([])), [])
    assert.deepEqual(await readBack('numeric', numericArray([])), [])
  })
})
