import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { EntrySide } from '../gen/paymesh/ledger/v1/entry.js'
import { RecordStatus } from '../gen/paymesh/ledger/v1/reconciliation.js'
import { assetPath } from '../services/runtime/assets.js'
import { readRecordFile } from './record-file.js'

const asset = { assetCode: 'THB', scale: 2 }
const id = 'aa'.repeat(16)
const high = 0xaaaa_aaaa_aaaa_aaaan

describe('a record file', () => {
  it('is read exactly, columns in any order, quoted as RFC 4180 has it', () => {
    const text = [
      '\uFEFFside,external_id,transfer_id,subject,amount,time,status',
      `CREDIT,"a ""quoted""",${id},,150.25,2026-01-31T23:59:59.5+07:00,`,
      `DEBIT,"two`,
      `lines, one record",,AAAAAAAA-aaaa-aaaa-aaaa-aaaaaaaaaaaa,7,,PENDING`,
      '',
    ].join('\r\n')
    const key = { high, low: high }
    assert.deepEqual(readRecordFile(text, asset), [
      {
        externalId: 'a "quoted"',
        key: { $case: 'transferId', transferId: key },
        side: EntrySide.CREDIT,
        amount: { assetCode: 'THB', minorUnits: 150_25n },
        time: { seconds: BigInt(Date.UTC(2026, 0, 31, 16, 59, 59) / 1000), nanos: 500_000_000 },
        status: RecordStatus.POSTED,
        undecided: false,
      },
      {
        externalId: 'two\r\nlines, one record',
        key: { $case: 'subject', subject: key },
        side: EntrySide.DEBIT,
        amount: { assetCode: 'THB', minorUnits: 7_00n },
        time: undefined,
        status: RecordStatus.PENDING,
        undecided: false,
      },
    ])
  })

  it('takes minor units, of any asset', () => {
    const text = `external_id,transfer_id,side,amount_minor,asset_code\nx,${id},DEBIT,9223372036854775807,USD\n`
    const [record] = readRecordFile(text, asset)
    assert.deepEqual(record?.amount, { assetCode: 'USD', minorUnits: 2n ** 63n - 1n })
  })

  it('is what docs/ledger.md shows', () => {
    const [, example = ''] = /```csv\n(.*?)```/s.exec(readFileSync(assetPath('docs/ledger.md'), 'utf8')) ?? []
    const amounts = readRecordFile(example, asset).map(({ amount }) => amount?.minorUnits)
    assert.deepEqual(amounts, [150_25n, 1000_00n])
  })

  it('has no records when it is a header alone', () => {
    assert.deepEqual(readRecordFile('external_id,side\n', asset), [])
  })

  const header = 'external_id,transfer_id,subject,side,amount,amount_minor,asset_code,time,status'
  const good = ['x', id, '', 'DEBIT', '1.50', '', '', '', '']
  const withField = (at: number, value: string, ...more: [number, string][]) => {
    const fields = [...good]
    for (const [index, text] of [[at, value] as const, ...more]) fields[index] = text
    return `${header}\n${good.join()}\n${fields.join()}\n`
  }
  const refused: [string, string, RegExp][] = [
    ['nothing', '', /^line 1: there is no header/],
    ['an unknown column', 'external_id,side,colour\n', /^line 1: "colour" is none of external_id/],
    ['a column twice', 'external_id,side,side\n', /^line 1: names a column twice/],
    ['a missing column', 'external_id,amount\n', /^line 1: lacks the column side/],
    ['a short line', `${header}\nx\n`, /^line 2: has 1 fields, the header has 9/],
    ['a stray quote', `${header}\n${good.join()}\nx"y,1\n`, /^line 3: has a quote where none may be/],
    ['a quote that does not end', `${header}\n"x\n`, /^line 2: has a quote where none may be/],
    ['no external id', withField(0, ''), /^line 3: external_id is empty/],
    ['no key', withField(1, ''), /^line 3: needs either a transfer_id or a subject/],
    ['two keys', withField(2, id), /^line 3: needs either a transfer_id or a subject/],
    ['a decimal id', withField(1, '123'), /^line 3: transfer_id "123" is neither 32 hexadecimal digits nor a UUID/],
    ['another side', withField(3, 'debit'), /^line 3: side "debit" is none of DEBIT, CREDIT/],
    ['a side of every object', withField(3, 'toString'), /^line 3: side "toString" is none of/],
    ['no amount', withField(4, ''), /^line 3: needs either an amount or an amount_minor/],
    ['two amounts', withField(5, '150'), /^line 3: needs either an amount or an amount_minor/],
    ['a sign', withField(4, '-1.50'), /^line 3: "-1.50" is not an amount with at most 2 decimal places/],
    ['too many places', withField(4, '1.505'), /^line 3: "1.505" is not an amount with at most 2/],
    ['a comma in an amount', withField(4, '"1,000.00"'), /^line 3: "1,000.00" is not an amount/],
    [
      'an amount beyond int64',
      withField(4, '92233720368547758.08'),
      /^line 3: "92233720368547758.08" is not an amount/,
    ],
    ['a fraction of a minor unit', withField(4, '', [5, '1.5']), /^line 3: "1.5" is not an amount;/],
    ['main units of another asset', withField(6, 'USD'), /^line 3: of another asset than THB only amount_minor/],
    ['a time without a zone', withField(7, '2026-01-31T00:00:00'), /^line 3: time "2026-01-31T00:00:00" is not like/],
    ['a day that is none', withField(7, '2026-13-31T00:00:00Z'), /^line 3: time .* is not like/],
    ['an unknown status', withField(8, 'BOOKED'), /^line 3: status "BOOKED" is none of POSTED, PENDING/],
  ]
  for (const [what, text, message] of refused) {
    it(`is refused for ${what}, naming the line`, () => {
      assert.throws(() => readRecordFile(text, asset), { name: 'RecordFileError', message })
    })
  }
})
