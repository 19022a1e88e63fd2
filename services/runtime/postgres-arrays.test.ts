import assert from 'node:assert/strict'
import pg from 'pg'
import { testDatabase } from '../../dev/testing.js'
import { bigintToUuid } from './ids.js'
import {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  jsonArray,
  jsonbArray,
  numericArray,
  textArray,
  timestamptzArray,
  uuidArray,
  uuidOrNullArray,
  uuidTextArray,
} from './postgres-arrays.js'

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
  const U128_MAX = 2n ** 128n - 1n
  const uuidValue = (text: string | null) => BigInt(`0x${(text ?? '').replaceAll('-', '')}`)
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

  it('hold texts and documents of any length and script', async () => {
    const texts = ['', 'plain', undefined, 'ไทย €', '🎉'.repeat(500), '\\ " { } , NULL', 'x'.repeat(10_000)]
    const same = texts.map((text) => text ?? null)
    assert.deepEqual(await readBack('text', textArray(texts)), same)
    const documents = texts.map((text) => (text === undefined ? undefined : JSON.stringify({ text })))
    const read = (found: (string | null)[]) =>
      found.map((document) => (document === null ? null : (JSON.parse(document) as { text: string }).text))
    assert.deepEqual(read(await readBack('json', jsonArray(documents))), same)
    assert.deepEqual(read(await readBack('jsonb', jsonbArray(documents))), same)
  })

  it('hold bytes, uuids in text and moments', async () => {
    assert.deepEqual(await readBack('bytea', byteaArray([Buffer.from([0, 255, 39]), new Uint8Array(0)])), [
      '\\x00ff27',
      '\\x',
    ])
    const uuids = whole.map(bigintToUuid)
    assert.deepEqual(await readBack('uuid', uuidTextArray([...uuids, undefined])), [...uuids, null])
    await client.query(`set timezone to 'UTC'`)
    const moments = [0, 1, 946_684_799_999, 946_684_800_000, Date.UTC(2026, 10, 24, 19, 57, 3, 7), undefined]
    const found = await readBack('timestamptz', timestamptzArray(moments))
    assert.deepEqual(
      found.map((text) => (text === null ? undefined : Date.parse(text.replace(' ', 'T').replace('+00', 'Z')))),
      moments,
    )
  })

  it('may be empty', async () => {
    assert.deepEqual(await readBack('uuid', uuidArray([])), [])
    assert.deepEqual(await readBack('numeric', numericArray([])), [])
  })
})
