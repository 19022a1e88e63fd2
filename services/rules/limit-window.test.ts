import assert from 'node:assert/strict'
import fc from 'fast-check'
import { windowAt, type WindowKind } from './limit-window.js'
import { isTimeZone, offsetSeconds } from './time-zone.js'

const seconds = (time: string) => Date.parse(time) / 1000
const text = (at: number) => new Date(at * 1000).toISOString().replace('.000Z', 'Z')

describe('windows of limits', () => {
  it('are the days, ISO weeks and months of their time zone, whatever its clocks do', () => {
    const cases: [kind: WindowKind, zone: string, time: string, name: string, start: string, end: string][] = [
      // Midnight in Bangkok is 17:00 UTC of the day before.
      ['DAILY', 'Asia/Bangkok', '2026-11-24T16:59:59Z', '2026-11-24', '2026-11-23T17:00:00Z', '2026-11-24T17:00:00Z'],
      ['DAILY', 'Asia/Bangkok', '2026-11-24T17:00:00Z', '2026-11-25', '2026-11-24T17:00:00Z', '2026-11-25T17:00:00Z'],
      ['DAILY', 'Asia/Kathmandu', '2026-06-01T00:00:00Z', '2026-06-01', '2026-05-31T18:15:00Z', '2026-06-01T18:15:00Z'],
      // 23 hours, then 25: clocks go forward at 02:00 on March 29, back at 03:00 on October 25.
      ['DAILY', 'Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-29', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
      ['DAILY', 'Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-25', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
      [
        'DAILY',
        'America/New_York',
        '2026-03-08T05:00:00Z',
        '2026-03-08',
        '2026-03-08T05:00:00Z',
        '2026-03-09T04:00:00Z',
      ],
      // Clocks that skip midnight: the day begins at 01:00.
      [
        'DAILY',
        'America/Sao_Paulo',
        '2018-11-04T03:00:00Z',
        '2018-11-04',
        '2018-11-04T03:00:00Z',
        '2018-11-05T02:00:00Z',
      ],
      [
        'DAILY',
        'America/Sao_Paulo',
        '2018-11-04T02:59:59Z',
        '2018-11-03',
        '2018-11-03T03:00:00Z',
        '2018-11-04T03:00:00Z',
      ],
      ['DAILY', 'Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-24', '2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z'],
      // Clocks set back over midnight, at 00:01: the hour that comes twice belongs to the day that had begun.
      [
        'DAILY',
        'America/St_Johns',
        '2010-11-07T02:30:30Z',
        '2010-11-07',
        '2010-11-07T02:30:00Z',
        '2010-11-08T03:30:00Z',
      ],
      [
        'DAILY',
        'America/St_Johns',
        '2010-11-07T03:00:00Z',
        '2010-11-07',
        '2010-11-07T02:30:00Z',
        '2010-11-08T03:30:00Z',
      ],
      [
        'DAILY',
        'America/St_Johns',
        '2010-11-07T02:29:59Z',
        '2010-11-06',
        '2010-11-06T02:30:00Z',
        '2010-11-07T02:30:00Z',
      ],
      // Samoa had no 30 December 2011.
      ['DAILY', 'Pacific/Apia', '2011-12-30T09:59:59Z', '2011-12-29', '2011-12-29T10:00:00Z', '2011-12-30T10:00:00Z'],
      ['DAILY', 'Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-31', '2011-12-30T10:00:00Z', '2011-12-31T10:00:00Z'],
      ['WEEKLY', 'Asia/Bangkok', '2026-11-24T12:00:00Z', '2026-W48', '2026-11-22T17:00:00Z', '2026-11-29T17:00:00Z'],
      ['WEEKLY', 'UTC', '2026-11-22T23:59:59Z', '2026-W47', '2026-11-16T00:00:00Z', '2026-11-23T00:00:00Z'],
      ['WEEKLY', 'UTC', '2027-01-03T12:00:00Z', '2026-W53', '2026-12-28T00:00:00Z', '2027-01-04T00:00:00Z'],
      ['WEEKLY', 'UTC', '2024-12-30T00:00:00Z', '2025-W01', '2024-12-30T00:00:00Z', '2025-01-06T00:00:00Z'],
      ['WEEKLY', 'UTC', '1969-12-31T12:00:00Z', '1970-W01', '1969-12-29T00:00:00Z', '1970-01-05T00:00:00Z'],
      ['WEEKLY', 'Europe/Berlin', '2026-10-21T12:00:00Z', '2026-W43', '2026-10-18T22:00:00Z', '2026-10-25T23:00:00Z'],
      ['MONTHLY', 'Asia/Bangkok', '2026-11-30T17:00:00Z', '2026-12', '2026-11-30T17:00:00Z', '2026-12-31T17:00:00Z'],
      ['MONTHLY', 'UTC', '2028-02-29T23:59:59Z', '2028-02', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
      ['MONTHLY', 'Europe/Berlin', '2026-03-15T00:00:00Z', '2026-03', '2026-02-28T23:00:00Z', '2026-03-31T22:00:00Z'],
    ]
    for (const [kind, timeZone, time, name, start, end] of cases) {
      const window = windowAt(kind, timeZone, seconds(time))
      const found = [window.name, text(window.startSeconds), text(window.endSeconds)]
      assert.deepEqual(found, [name, start, end], `${kind} ${timeZone} ${time}`)
      assert.deepEqual([window.kind, window.timeZone], [kind, timeZone])
    }
  })

  it('hold every moment in exactly one, and follow each other without a gap', () => {
    const zones = [
      'UTC',
      'Asia/Bangkok',
      'Europe/Berlin',
      'America/St_Johns',
      'Africa/Cairo',
      'Pacific/Apia',
      'Asia/Gaza',
    ]
    const kinds = ['DAILY', 'WEEKLY', 'MONTHLY'] as const
    const moments = fc.integer({ min: seconds('1971-01-01T00:00:00Z'), max: seconds('2037-01-01T00:00:00Z') })
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.constantFrom(...zones), moments, (kind, zone, moment) => {
        const window = windowAt(kind, zone, moment)
        assert.ok(window.startSeconds <= moment && moment < window.endSeconds)
        for (const inside of [window.startSeconds, window.endSeconds - 1]) {
          assert.deepEqual(windowAt(kind, zone, inside), window)
        }
        const next = windowAt(kind, zone, window.endSeconds)
        assert.equal(next.startSeconds, window.endSeconds)
        assert.ok(next.name > window.name, `${window.name} ${next.name}`)
      }),
    )
  })

  it('stay within what a Timestamp can say', () => {
    const last = windowAt('MONTHLY', 'UTC', 253_402_300_000)
    assert.deepEqual([last.name, last.endSeconds], ['9999-12', 253_402_300_799])
    assert.equal(windowAt('WEEKLY', 'America/New_York', -62_135_596_800).startSeconds, -62_135_596_800)
  })
})

describe('time zones', () => {
  it('are IANA names', () => {
    for (const name of ['UTC', 'Asia/Bangkok', 'America/Argentina/Buenos_Aires']) assert.ok(isTimeZone(name), name)
    for (const name of ['', '+07:00', '-03', 'Mars/Olympus', 'Asia/Bangkok ', '../etc/passwd']) {
      assert.ok(!isTimeZone(name), name)
    }
  })

  it('have offsets to the second', () => {
    assert.equal(offsetSeconds('Asia/Bangkok', 0), 7 * 3600)
    assert.equal(offsetSeconds('UTC', 0), 0)
    assert.equal(offsetSeconds('America/St_Johns', seconds('1900-01-01T00:00:00Z')), -(3 * 3600 + 30 * 60 + 52))
  })
})
