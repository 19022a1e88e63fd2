import assert from 'node:assert/strict'
import { accessExpireTimeMs, judgeRefresh, refreshExpireTimeMs, type StoredRefreshToken } from './session.js'

describe('judgeRefresh', () => {
  const nowMs = 1_000_000
  const fresh: StoredRefreshToken = {
    tokenExpireTimeMs: nowMs + 1,
    used: false,
    sessionId: 's',
    userId: 'u',
    sessionExpireTimeMs: nowMs + 1,
    sessionRevoked: false,
  }
  const past = { tokenExpireTimeMs: nowMs }
  const over = { sessionExpireTimeMs: nowMs }

  const cases: [string, Partial<StoredRefreshToken>, ReturnType<typeof judgeRefresh>][] = [
    ['a fresh token of a live session', {}, 'rotate'],
    ['a token at the end of its time', past, 'invalid'],
    ['a used token', { used: true }, 'reused'],
    ['a used token past its time', { used: true, ...past }, 'invalid'],
    ['a used token of a revoked session', { used: true, sessionRevoked: true }, 'reused'],
    ['a used token of a session at its end', { used: true, ...over }, 'reused'],
    ['a fresh token of a revoked session', { sessionRevoked: true }, 'invalid'],
    ['a fresh token of a session at its end', over, 'invalid'],
  ]
  for (const [name, change, expected] of cases) {
    it(`says ${expected} of ${name}`, () => {
      assert.equal(judgeRefresh({ ...fresh, ...change }, nowMs), expected)
    })
  }

  it('says invalid of a token that nobody has heard of', () => {
    assert.equal(judgeRefresh(undefined, nowMs), 'invalid')
  })
})

describe('the lives of tokens', () => {
  const dayMs = 86_400_000

  it('are 30 days and 15 minutes in a young session', () => {
    assert.equal(refreshExpireTimeMs(0, 90 * dayMs), 30 * dayMs)
    assert.equal(accessExpireTimeMs(0, 90 * dayMs), 900_000)
  })

  it('end with the session', () => {
    assert.equal(refreshExpireTimeMs(80 * dayMs, 90 * dayMs), 90 * dayMs)
    assert.equal(accessExpireTimeMs(90 * dayMs - 60_000, 90 * dayMs), 90 * dayMs)
  })
})
