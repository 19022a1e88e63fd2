import assert from 'node:assert/strict'
import { contractMethods, publicMethods } from '../../../envoy/public-methods.js'
import { openApiPath } from '../../../dev/openapi/document.js'
import { errorInfo, newPerson, type Person } from '../api.js'
import { theMesh } from '../mesh-under-test.js'

const nobody = '01900000-0000-7000-8000-000000000000'
/** A path of the contracts with something that does not exist for each part that varies. */
const somePath = (template: string) => openApiPath(template).replace(/\{[^}]+\}/g, nobody)

describe('headers by which the edge speaks to services, sent by a client', () => {
  let mallory: Person
  let spoofed: Record<string, string>

  before(async () => {
    mallory = await newPerson((await theMesh()).api)
    const claims = { sub: 'users/admin', sid: 'sessions/x', roles: ['admin'], acr: 'pin', tags: [], permissions: all() }
    const header = Buffer.from(JSON.stringify(claims)).toString('base64url')
    spoofed = {
      'x-paymesh-claims': header,
      'X-PAYMESH-Claims': header,
      'x-paymesh-subject': 'users/admin',
      'x-paymesh-peer': 'operator',
      'x-forwarded-client-cert': 'URI=spiffe://paymesh/operator',
      'x-envoy-original-path': '/v1/admin/grants',
      'x-envoy-upstream-rq-timeout-ms': '1',
      'x-envoy-internal': 'true',
      'x-forwarded-for': '127.0.0.1',
      'grpc-timeout': '1n',
      'grpc-metadata-x-paymesh-claims': header,
    }
  })

  const all = () => [...new Set(contractMethods().map(({ access }) => access.permission))].filter(Boolean)

  for (const { method, http } of publicMethods().filter(({ access }) => !access.public)) {
    it(`open nothing of ${method}: 401 to nobody, and no more to a user than without`, async () => {
      const { api } = await theMesh()
      const body = http.verb === 'GET' ? undefined : {}
      const path = somePath(http.path)
      const asNobody = await api.send(http.verb, path, body, spoofed)
      assert.equal(asNobody.status, 401, JSON.stringify(asNobody.body))
      const [bare, dressed] = await Promise.all(
        [{}, spoofed].map((headers) => statusOf(mallory, http.verb, path, body, headers)),
      )
      assert.equal(dressed, bare)
    })
  }

  it('are refused when they have underscores, whatever else is there', async () => {
    for (const name of ['x_paymesh_claims', 'x-paymesh_claims', 'grpc_timeout']) {
      const answer = await mallory.api.send('GET', '/v1/wallets', undefined, { [name]: spoofed['x-paymesh-claims']! })
      assert.deepEqual([answer.status, errorInfo(answer).reason], [400, 'MALFORMED_REQUEST'])
    }
  })
})

/** The status of an answer; of a stream without reading it. */
async function statusOf(
  person: Person,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<number> {
  const abort = new AbortController()
  const response = await fetch(person.api.url + path, {
    method,
    headers: { ...headers, 'content-type': 'application/json', authorization: `Bearer ${person.api.token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.any([abort.signal, AbortSignal.timeout(20_000)]),
  })
  abort.abort()
  return response.status
}
