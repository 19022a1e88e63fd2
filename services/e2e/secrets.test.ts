import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { signIn } from './api.js'
import { theMesh } from './mesh-under-test.js'
import { z } from 'zod'

describe('what the mesh writes to its logs', () => {
  it('holds no password, no token, no e-mail address and no name, whether calls succeed or fail', async () => {
    const { api, logFiles, until } = await theMesh()
    const marked = {
      email: `mark-${randomUUID()}@example.com`,
      password: `mark ${randomUUID()}`,
      displayName: `mark ${randomUUID()}`,
    }
    const user = { email: marked.email, displayName: marked.displayName }
    await api.ok('POST', '/v1/users', { user, password: marked.password }, 'user', z.looseObject({}))
    await api.send('POST', '/v1/users', { user, password: marked.password })
    await api.send('POST', '/v1/users', { user: { ...user, email: `${marked.email} ` }, password: marked.password })
    const tokens = await signIn(api, marked.email, marked.password)
    await api.send('POST', '/v1/sessions', { email: marked.email, password: `${marked.password}!` })
    await api.send('POST', '/v1/sessions:refresh', { refreshToken: tokens.refreshToken })
    await api.send('POST', '/v1/sessions:refresh', { refreshToken: tokens.refreshToken })
    await api.as(tokens.accessToken).send('GET', '/v1/users/me')
    await api.send('GET', `/v1/wallets?access_token=${tokens.accessToken}`)
    await api.send('POST', '/v1/sessions', `{"email":"${marked.email}","password":"${marked.password}" oops`)
    const last = await api.send('POST', '/ilp', 'x', {
      authorization: `Bearer ${marked.password.replaceAll(' ', '-')}`,
    })

    // The edge writes its log from time to time: without waiting, it would have been read before it could tell anything.
    const lastId = last.headers.get('x-request-id') ?? ''
    const written = () => logFiles().some((file) => /envoy/.test(file) && readFileSync(file, 'utf8').includes(lastId))
    assert.notEqual(lastId, '')
    await until('the edge has written its log', () => Promise.resolve(written() || undefined))

    const secrets = [
      ...Object.values(marked),
      marked.password.replaceAll(' ', '-'),
      tokens.accessToken,
      tokens.refreshToken,
    ]
    for (const file of logFiles()) {
      const log = readFileSync(file, 'utf8')
      for (const secret of secrets) assert.ok(!log.includes(secret), `${file} contains ${secret.slice(0, 12)}…`)
    }
  })
})
