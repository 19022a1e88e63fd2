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

  it('shows of an error its type, text, code and causes, and nothing that a library hung on it', () => {
    const lines: string[] = []
    const log = createLogger({ name: 'ledger', level: 'info', destination: { write: (line) => lines.push(line) } })
    const refused = Object.assign(new Error('refused'), {
      code: '23514',
      detail: 'marked',
      client: { queue: ['marked'] },
    })
    const broken = Object.assign(new Error('broken', { cause: refused }), { where: 'marked' })
    log.error({ err: new AggregateError([broken], 'all', { cause: broken }) }, 'text')
    log.error({ err: 'marked' }, 'text')
    assert.ok(!lines.join('').includes('marked'))
    const { err } = JSON.parse(lines[0] ?? '') as { err: Record<string, unknown> }
    assert.deepEqual([err['type'], err['message']], ['AggregateError', 'all'])
    assert.match(JSON.stringify(err['cause']), /"message":"refused".*"code":"23514"/)
    assert.match(JSON.stringify(err['errors']), /"message":"broken"/)
  })

  it('ends with errors that cause each other', () => {
    const lines: string[] = []
    const log = createLogger({ name: 'ledger', level: 'info', destination: { write: (line) => lines.push(line) } })
    const one = new Error('one')
    one.cause = new Error('two', { cause: one })
    log.error({ err: one }, 'text')
    assert.equal(lines.length, 1)
  })
})
