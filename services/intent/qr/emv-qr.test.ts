import assert from 'node:assert/strict'
import fc from 'fast-check'
import { crcOf, type QrFault } from './emv-data-objects.js'
import { parseQr, type Qr } from './emv-qr.js'
import { billPaymentQr, promptPayQr, qrPayload, type QrObjects } from '../test/qr-payload.js'

const promptPay: QrObjects = [
  ['00', 'A000000677010111'],
  ['01', '0066812345678'],
]
const least: QrObjects = [
  ['00', '01'],
  ['29', promptPay],
  ['53', '764'],
  ['58', 'TH'],
]

function read(payload: string): Qr {
  const found = parseQr(payload)
  assert.equal(found.kind, 'qr', found.kind === 'malformed' ? `${found.fault}: ${found.detail}` : '')
  return found
}

function refused(payload: string, fault: QrFault): string {
  const found = parseQr(payload)
  assert.equal(found.kind, 'malformed', payload)
  assert.equal(found.fault, fault, found.detail)
  return found.detail
}

/** The least code with objects put in, taken out (undefined) or changed. */
function changed(changes: Readonly<Record<string, string | QrObjects | undefined>>): string {
  const objects = new Map<string, string | QrObjects | undefined>(least)
  for (const [id, value] of Object.entries(changes)) objects.set(id, value)
  return qrPayload([...objects].flatMap(([id, value]) => (value === undefined ? [] : [[id, value] as const])))
}

describe('a QR code', () => {
  it('has the checksum of CRC-16/CCITT-FALSE', () => {
    assert.equal(crcOf('123456789'), '29B1')
    assert.equal(crcOf(''), 'FFFF')
  })

  it('of PromptPay as other programs write it is read', () => {
    const mobile = read('00020101021129370016A000000677010111011300668012345675802TH530376463046197')
    assert.equal(mobile.use, 'STATIC')
    assert.deepEqual(mobile.accounts, [{ kind: 'promptPay', proxy: 'MOBILE', id: '0066801234567' }])
    assert.deepEqual(mobile.currency, { code: 'THB', scale: 2 })
    assert.equal(mobile.amountMinor, undefined)
    const taxId = read('00020101021129370016A000000677010111021311111111111115802TH530376463047B5A')
    assert.deepEqual(taxId.accounts, [{ kind: 'promptPay', proxy: 'TAX_ID', id: '1111111111111' }])
  })

  it('of a bill gives biller, references, amount, shop and till', () => {
    assert.deepEqual(read(billPaymentQr('010753600031508', 'CUST42', 'JAN', '1250.5')), {
      kind: 'qr',
      use: 'DYNAMIC',
      accounts: [{ kind: 'billPayment', billerId: '010753600031508', reference1: 'CUST42', reference2: 'JAN' }],
      currency: { code: 'THB', scale: 2 },
      amountMinor: 125_050n,
      tip: undefined,
      country: 'TH',
      merchantCategory: '5812',
      merchantName: 'Baan Noodle',
      merchantCity: 'Bangkok',
      billNumber: 'INV-7',
      referenceLabel: 'R-1',
      terminalLabel: 'TILL3',
    })
  })

  it('of an e-wallet and of other schemes lists every account in order', () => {
    const objects = {
      '04': '4111111111111111',
      '29': [
        ['00', 'A000000677010111'],
        ['03', '123456789012345'],
      ] as const,
      '31': [
        ['00', 'com.example.pay'],
        ['01', 'shop'],
      ] as const,
      '32': [
        ['00', 'A000000677010111'],
        ['04', '0141234567890'],
      ] as const,
    }
    assert.deepEqual(read(changed(objects)).accounts, [
      { kind: 'promptPay', proxy: 'E_WALLET', id: '123456789012345' },
      { kind: 'other', objectId: '31', schemeId: 'com.example.pay' },
      { kind: 'other', objectId: '32', schemeId: 'A000000677010111' },
      { kind: 'other', objectId: '04', schemeId: undefined },
    ])
  })

  const amounts: [currency: string, text: string, minor: bigint | undefined][] = [
    ['764', '0.01', 1n],
    ['764', '98.', 9_800n],
    ['764', '98', 9_800n],
    ['764', '007.50', 750n],
    ['764', '9999999999.99', 999_999_999_999n],
    ['764', '9999999999999', 999_999_999_999_900n],
    ['764', '1.001', undefined],
    ['764', '0.00', undefined],
    ['764', '0', undefined],
    ['764', '.50', undefined],
    ['764', '1,50', undefined],
    ['764', '-1', undefined],
    ['764', '1e3', undefined],
    ['764', ' 1', undefined],
    ['764', '1.2.3', undefined],
    ['764', '10000000000.00', undefined],
    ['392', '150', 150n],
    ['392', '150.5', undefined],
    ['048', '1.234', 1_234n],
  ]
  for (const [currency, text, minor] of amounts) {
    it(`in ${currency} of "${text}" asks for ${minor ?? 'nothing: it is refused'}`, () => {
      const payload = changed({ '53': currency, '54': text })
      if (minor === undefined) refused(payload, 'VALUE_WRONG')
      else assert.equal(read(payload).amountMinor, minor)
    })
  }

  it('with a tip says which', () => {
    assert.deepEqual(read(changed({ '55': '01' })).tip, { kind: 'payerChooses' })
    assert.deepEqual(read(changed({ '55': '02', '56': '10.5' })).tip, { kind: 'fixed', amountMinor: 1_050n })
    assert.deepEqual(read(changed({ '55': '03', '57': '7.5' })).tip, { kind: 'percentage', basisPoints: 750 })
    const wrong = [
      { '55': '02' },
      { '55': '03' },
      { '56': '1' },
      { '57': '1' },
      { '55': '04' },
      { '55': '01', '56': '1' },
    ]
    for (const changes of wrong) refused(changed(changes), 'VALUE_WRONG')
    for (const percentage of ['0', '00.00', '100', '1.234', 'x']) {
      refused(changed({ '55': '03', '57': percentage }), 'VALUE_WRONG')
    }
  })

  const good = qrPayload(least)
  const crc = good.slice(-4)
  const faults: [what: string, payload: string, fault: QrFault][] = [
    ['nothing', '', 'FORMAT_UNKNOWN'],
    ['a web page', 'https://example.com/pay', 'FORMAT_UNKNOWN'],
    ['payload format 02', changed({ '00': '02' }), 'FORMAT_UNKNOWN'],
    ['the payload format in second place', qrPayload([['01', '11'], ...least]), 'FORMAT_UNKNOWN'],
    ['513 bytes', `000201${'x'.repeat(507)}`, 'TOO_LONG'],
    ['text of another script over 512 bytes', changed({ '64': '๙'.repeat(99), '80': '๙'.repeat(99) }), 'TOO_LONG'],
    ['no checksum', good.slice(0, -8), 'OBJECT_MISSING'],
    ['a checksum in lower case', good.slice(0, -4) + crc.toLowerCase(), 'CHECKSUM_WRONG'],
    ['another checksum', `${good.slice(0, -4)}0000`, 'CHECKSUM_WRONG'],
    ['a checksum of three digits', good.slice(0, -1), 'SYNTAX_WRONG'],
    ['a checksum that says to have three digits', `${good.slice(0, -8)}6303${crc.slice(1)}`, 'SYNTAX_WRONG'],
    ['something behind the checksum', `${good}8001x`, 'SYNTAX_WRONG'],
    ['a line feed behind the checksum', `${good}\n`, 'SYNTAX_WRONG'],
    ['an empty object', `${good.slice(0, -8)}80006304${crc}`, 'SYNTAX_WRONG'],
    ['an object longer than what is left', '0002019999', 'SYNTAX_WRONG'],
    ['lengths that are no digits', '000201ABCD', 'SYNTAX_WRONG'],
    ['full-width digits', '000201５３03764', 'SYNTAX_WRONG'],
    ['an object twice', qrPayload([...least, ['58', 'TH']]), 'OBJECT_REPEATED'],
    ['an object twice in a template', changed({ '29': [...promptPay, ['01', '0066812345679']] }), 'OBJECT_REPEATED'],
    ['a template cut', changed({ '29': '0016A0000006770101110113' }), 'SYNTAX_WRONG'],
    ['nobody to be paid', changed({ '29': undefined }), 'OBJECT_MISSING'],
    ['a scheme without its id', changed({ '29': [['01', '0066812345678']] }), 'OBJECT_MISSING'],
    ['no currency', changed({ '53': undefined }), 'OBJECT_MISSING'],
    ['a currency that is none', changed({ '53': '999' }), 'CURRENCY_UNKNOWN'],
    ['a currency by its letters', changed({ '53': 'THB' }), 'VALUE_WRONG'],
    ['no country', changed({ '58': undefined }), 'OBJECT_MISSING'],
    ['a use that is none', changed({ '01': '13' }), 'VALUE_WRONG'],
    ['a name in Thai where Latin must be', changed({ '59': 'ร้าน' }), 'VALUE_WRONG'],
    ['a control character in a name', changed({ '59': 'a\u0007b' }), 'VALUE_WRONG'],
    ['two proxies', changed({ '29': [...promptPay, ['02', '1111111111111']] }), 'VALUE_WRONG'],
    ['a mobile number of another country', changed({ '29': [promptPay[0]!, ['01', '0065812345678']] }), 'VALUE_WRONG'],
    ['a biller of 13 digits', billPaymentQr('0107536000315', 'A', 'B', '1'), 'VALUE_WRONG'],
    ['a reference with a space', billPaymentQr('010753600031508', 'A B', 'B', '1'), 'VALUE_WRONG'],
  ]
  for (const [what, payload, fault] of faults) {
    it(`with ${what} is ${fault}`, () => {
      refused(payload, fault)
    })
  }

  it('says what is wrong without repeating whose account it is', () => {
    const detail = refused(changed({ '29': [promptPay[0]!, ['01', '0065812345678']] }), 'VALUE_WRONG')
    assert.equal(detail, 'Object 29/01 has not the form that it must have.')
  })
})

describe('any QR code', () => {
  const digits = (length: number) => fc.stringMatching(new RegExp(`^\\d{${length}}$`))
  const amount = fc.bigInt({ min: 1n, max: 999_999_999_999n })
  const decimal = (minor: bigint) => `${minor / 100n}.${String(minor % 100n).padStart(2, '0')}`

  it('gives back what was written', () => {
    fc.assert(
      fc.property(digits(9), amount, (mobile, minor) => {
        const qr = read(promptPayQr(`0${mobile}`, decimal(minor)))
        assert.deepEqual(qr.accounts, [{ kind: 'promptPay', proxy: 'MOBILE', id: `0066${mobile}` }])
        assert.equal(qr.amountMinor, minor)
      }),
    )
  })

  it('with one character changed is refused', () => {
    const payload = fc.tuple(digits(15), digits(6), amount).map(([biller, reference, minor]) => {
      return billPaymentQr(biller, reference, 'B2', decimal(minor))
    })
    fc.assert(
      fc.property(payload, fc.nat(), fc.integer({ min: 0x20, max: 0x7e }), (text, at, code) => {
        const place = at % text.length
        const other = text.slice(0, place) + String.fromCharCode(code) + text.slice(place + 1)
        fc.pre(other !== text)
        assert.equal(parseQr(other).kind, 'malformed')
      }),
      { numRuns: 1_000 },
    )
  })

  it('cut, or with something put in or after, is refused', () => {
    const text = billPaymentQr('010753600031508', 'CUST42', 'JAN', '1250.5')
    for (let length = 0; length < text.length; length++) {
      assert.equal(parseQr(text.slice(0, length)).kind, 'malformed', `cut to ${length}`)
    }
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 8, unit: 'binary' }), (more) => {
        assert.equal(parseQr(text + more).kind, 'malformed')
      }),
    )
  })

  it('made of anything ends in an answer, never in an exception', () => {
    const objects = fc.array(fc.tuple(digits(2), fc.string({ minLength: 1, maxLength: 40, unit: 'binary' })), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(objects, (extra) => {
        const ids = new Set(least.map(([id]) => id))
        assert.doesNotThrow(() => parseQr(qrPayload([...least, ...extra.filter(([id]) => !ids.has(id))])))
      }),
    )
  })
})
