import assert from 'node:assert/strict'
import { createLogger } from './logger.js'

describe('the log', () => {
  it('is one JSON record a line, without secrets, with causes', () => {
    const lines: string[] = []
    const log = createLogger({ name: 'ledger', level: 'info', destination: { write: (line) => lines.push(line) } })
    const cause = new Error('the cause')
    log.info(
      { password: 'hunter2', user: { token: 'hunter2', deep: { secret: 'hunter2' } }, err: new Error('x', { cause }) },
      'text',
    )
    log.debug('not shown')
    assert.equal(lines.length, 1)
    assert.ok(!lines.join('').includes('hunter2'))
    const record = JSON.parse(lines.join('')) as Record<string, unknown>
    assert.equal(record['level'], 'info')
    assert.equal(record['service'], 'ledger')
    assert.match(String(record['time']), /^\d{4}-\d\d-\d\dT/)
    assert.match(JSON.stringify(record['err']), /the cause/)
  })
})
