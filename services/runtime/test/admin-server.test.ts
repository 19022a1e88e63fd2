import assert from 'node:assert/strict'
import { startAdminServer } from '../admin-server.js'
import { createMetrics } from '../metrics.js'

describe('the admin server', () => {
  it('answers /livez, /readyz and /metrics, and nothing else', async () => {
    let ready = false
    const isReady = () => ready
    const server = await startAdminServer({ address: 'localhost:0', metrics: createMetrics('ledger'), isReady })
    const get = async (path: string, method = 'GET') => {
      const answer = await fetch(`http://localhost:${server.port}${path}`, { method })
      return [answer.status, await answer.text()] as const
    }
    try {
      assert.deepEqual(await get('/livez'), [200, 'live\n'])
      assert.equal((await get('/readyz'))[0], 503)
      ready = true
      assert.deepEqual(await get('/readyz'), [200, 'ready\n'])
      assert.match((await get('/metrics'))[1], /process_cpu_seconds_total\{service="ledger"\}/)
      assert.equal((await get('/'))[0], 404)
      assert.equal((await get('/livez', 'POST'))[0], 405)
    } finally {
      await server.close()
    }
  })

  it('answers 500 without a reason when readiness cannot be told', async () => {
    const isReady = () => Promise.reject(new Error('hunter2'))
    const server = await startAdminServer({ address: 'localhost:0', metrics: createMetrics('ledger'), isReady })
    try {
      const answer = await fetch(`http://localhost:${server.port}/readyz`)
      assert.equal(answer.status, 500)
      assert.ok(!(await answer.text()).includes('hunter2'))
    } finally {
      await server.close()
    }
  })

  it('says so when its address is taken', async () => {
    const options = { metrics: createMetrics('ledger'), isReady: () => true }
    const server = await startAdminServer({ ...options, address: 'localhost:0' })
    await assert.rejects(startAdminServer({ ...options, address: `localhost:${server.port}` }), { code: 'EADDRINUSE' })
    await server.close()
  })
})
