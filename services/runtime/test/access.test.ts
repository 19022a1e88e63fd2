import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { Client, Metadata, status } from '@grpc/grpc-js'
import { testCertificates } from '../../../dev/testing.js'
import {
  FundWalletRequest,
  FundWalletResponse,
  GetWalletRequest,
  GetWalletResponse,
  WalletServiceService,
} from '../../../gen/paymesh/intent/v1/wallet_service.js'
import {
  RegisterUserRequest,
  RegisterUserResponse,
  UserServiceService,
} from '../../../gen/paymesh/identity/v1/user_service.js'
import { type Call, callerName } from '../call.js'
import { createLogger } from '../logger.js'
import { clientCredentials, type TlsFiles } from '../mesh-credentials.js'
import type { PeerName } from '../peer-identity.js'
import { type RpcError, rpcErrorFrom } from '../rpc-error.js'
import { bind, createServer } from '../server.js'
import { bindSome, clientOf, type RunningServer, startServer, stopAll, until } from './running-server.js'

const claims = {
  iss: 'https://paymesh.test',
  sub: 'users/0190a5d4-0000-7000-8000-000000000001',
  sid: 'sessions/1',
  roles: ['user'],
  permissions: ['wallet:read', 'wallet:write'],
  tags: ['kyc_verified'],
  acr: 'pwd',
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Calls like Envoy: raw gRPC with chosen headers. */
async function rawCall(
  server: RunningServer,
  tls: TlsFiles,
  method: { path: string; requestSerialize: (value: never) => Buffer; responseDeserialize: (value: Buffer) => unknown },
  request: unknown,
  headers: [string, string][] = [],
): Promise<{ error?: RpcError; headers?: Metadata }> {
  const client = new Client(server.address, clientCredentials(tls, server.name))
  const metadata = new Metadata()
  for (const [name, value] of headers) metadata.add(name, value)
  const { path, requestSerialize, responseDeserialize } = method
  try {
    return await new Promise((resolve) => {
      let received: Metadata | undefined
      const serialize = requestSerialize as (value: unknown) => Buffer
      client
        .makeUnaryRequest(
          path,
          serialize,
          responseDeserialize,
          request,
          metadata,
          { deadline: Date.now() + 5000 },
          (error) => {
            resolve(error ? { error: rpcErrorFrom(error) } : received ? { headers: received } : {})
          },
        )
        .on('metadata', (first) => (received = first))
    })
  } finally {
    client.close()
  }
}

describe('who may call', () => {
  let server: RunningServer
  let seen: Call[]

  beforeEach(async () => {
    seen = []
    const note =
      <T>(answer: T) =>
      (call: Call) => {
        seen.push(call)
        call.sendHeader('x-caller', callerName(call.caller))
        return Promise.resolve(answer)
      }
    server = await startServer('intent', [
      bindSome(WalletServiceService, {
        getWallet: note(GetWalletResponse.fromPartial({})),
        fundWallet: note(FundWalletResponse.fromPartial({})),
      }),
      bindSome(UserServiceService, { registerUser: note(RegisterUserResponse.fromPartial({})) }),
    ])
  })
  afterEach(stopAll)

  const getWallet = WalletServiceService.getWallet
  const wallet = GetWalletRequest.fromPartial({ name: 'wallets/1' })
  const of = async (peer: PeerName | 'stranger') => (await testCertificates()).of(peer)

  it('refuses a certificate of the mesh that belongs to no peer', async () => {
    const { error } = await rawCall(server, await of('stranger'), getWallet, wallet)
    assert.equal(error?.code, status.PERMISSION_DENIED)
    assert.equal(error.reason, 'PEER_NOT_ALLOWED')
    assert.equal(error.domain, 'runtime.paymesh')
    assert.equal(seen.length, 0)
  })

  it('refuses a peer that the access option does not name, whatever claims it sends', async () => {
    const headers: [string, string][] = [['x-paymesh-claims', encode(claims)]]
    const { error } = await rawCall(server, await of('ledger'), getWallet, wallet, headers)
    assert.equal(error?.reason, 'PEER_NOT_ALLOWED')
    assert.deepEqual(error.metadata, { peer: 'ledger' })
  })

  it('refuses a certificate of another authority before any call', async () => {
    const { error } = await rawCall(server, (await testCertificates()).foreignCa(), getWallet, wallet)
    assert.equal(error?.code, status.UNAVAILABLE)
    assert.equal(seen.length, 0)
  })

  it('lets a client refuse a server that shows another SPIFFE id', async () => {
    const client = await clientOf(WalletServiceService, { ...server, name: 'ledger' }, 'edge')
    await assert.rejects(client.getWallet(wallet), { code: status.UNAVAILABLE, reason: '' })
    assert.equal(seen.length, 0)
  })

  it('trusts a mesh peer by its name and never believes its claims', async () => {
    const headers: [string, string][] = [['x-paymesh-claims', encode(claims)]]
    const answer = await rawCall(server, await of('operator'), getWallet, wallet, headers)
    assert.deepEqual(answer.headers?.get('x-caller'), ['peers/operator'])
  })

  it('believes the claims that the edge forwards', async () => {
    const answer = await rawCall(server, await of('edge'), getWallet, wallet, [['x-paymesh-claims', encode(claims)]])
    assert.deepEqual(answer.headers?.get('x-caller'), [claims.sub])
    const caller = seen[0]!.caller
    assert.ok(caller.kind === 'subject')
    assert.deepEqual([...caller.subject.permissions], claims.permissions)
    assert.deepEqual(caller.subject.tags, ['kyc_verified'])
    assert.equal(caller.subject.session, 'sessions/1')
  })

  it('lets anybody reach a public method through the edge', async () => {
    const request = RegisterUserRequest.fromPartial({})
    const answer = await rawCall(server, await of('edge'), UserServiceService.registerUser, request)
    assert.deepEqual(answer.headers?.get('x-caller'), ['anonymous'])
  })

  const withClaims = (value: unknown): [string, string][] => [['x-paymesh-claims', encode(value)]]
  const refusals: [string, [string, string][], status, string][] = [
    ['no claims', [], status.UNAUTHENTICATED, 'NOT_SIGNED_IN'],
    ['claims that are no JSON', [['x-paymesh-claims', '%%%']], status.UNAUTHENTICATED, 'CLAIMS_MALFORMED'],
    ['claims without a subject', withClaims({ ...claims, sub: undefined }), status.UNAUTHENTICATED, 'CLAIMS_MALFORMED'],
    [
      'a subject of another kind',
      withClaims({ ...claims, sub: 'peers/ledger' }),
      status.UNAUTHENTICATED,
      'CLAIMS_MALFORMED',
    ],
    [
      'permissions that are no list',
      withClaims({ ...claims, permissions: 'wallet:read' }),
      status.UNAUTHENTICATED,
      'CLAIMS_MALFORMED',
    ],
    ['claims twice', [...withClaims(claims), ...withClaims(claims)], status.UNAUTHENTICATED, 'CLAIMS_MALFORMED'],
    ['no permission', withClaims({ ...claims, permissions: [] }), status.PERMISSION_DENIED, 'PERMISSION_MISSING'],
  ]
  for (const [what, headers, code, reason] of refusals) {
    it(`refuses from the edge: ${what}`, async () => {
      const { error } = await rawCall(server, await of('edge'), getWallet, wallet, headers)
      assert.equal(error?.code, code)
      assert.equal(error.reason, reason)
      if (reason === 'PERMISSION_MISSING') assert.deepEqual(error.metadata, { permission: 'wallet:read' })
      assert.equal(seen.length, 0)
    })
  }

  it('records audited calls, allowed and refused, without their content', async () => {
    const request = FundWalletRequest.fromPartial({ name: 'wallets/secret-name' })
    await rawCall(server, await of('operator'), WalletServiceService.fundWallet, request, [['x-request-id', 'r-1']])
    await rawCall(server, await of('ledger'), WalletServiceService.fundWallet, request)
    const audits = server.records.filter(({ audit }) => audit === true)
    const summary = audits.map(({ method, caller, code, reason, requestId }) => [
      method,
      caller,
      code,
      reason,
      requestId,
    ])
    assert.deepEqual(summary, [
      ['WalletService/FundWallet', 'peers/operator', 'OK', undefined, 'r-1'],
      ['WalletService/FundWallet', 'peers/ledger', 'PERMISSION_DENIED', 'PEER_NOT_ALLOWED', undefined],
    ])
    assert.ok(!JSON.stringify(server.records).includes('secret-name'))
  })

  it('records beside the user the client that acts for them', async () => {
    const request = FundWalletRequest.fromPartial({})
    const acting = encode({ ...claims, client: 'clients/shop', permissions: ['funding:write'] })
    await rawCall(server, await of('edge'), WalletServiceService.fundWallet, request, [['x-paymesh-claims', acting]])
    const record = server.records.find(({ audit }) => audit === true)
    assert.deepEqual([record?.['caller'], record?.['actor'], record?.['code']], [claims.sub, 'clients/shop', 'OK'])
    const strange = encode({ ...claims, client: 'users/1' })
    const { error } = await rawCall(server, await of('edge'), WalletServiceService.fundWallet, request, [
      ['x-paymesh-claims', strange],
    ])
    assert.equal(error?.reason, 'CLAIMS_MALFORMED')
  })

  it('records audited calls whatever the level of the log', async () => {
    const lines: string[] = []
    const log = createLogger({ name: 'intent', level: 'fatal', destination: { write: (line) => lines.push(line) } })
    const fundWallet = () => Promise.resolve(FundWalletResponse.fromPartial({}))
    const quiet = await startServer('intent', [bindSome(WalletServiceService, { fundWallet })], { log })
    const client = await clientOf(WalletServiceService, quiet, 'operator')
    await client.fundWallet(FundWalletRequest.fromPartial({}))
    await until(() => lines.length > 0)
    const [record] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual([record?.['audit'], record?.['caller'], record?.['code']], [true, 'peers/operator', 'OK'])
  })

  it('speaks TLS 1.3 and nothing older', async () => {
    const { certFile, keyFile, caFile } = await of('operator')
    const [cert, key, ca] = [certFile, keyFile, caFile].map((file) => readFileSync(file))
    const socket = connect({
      ...{ host: 'localhost', port: server.server.port, cert, key, ca, ALPNProtocols: ['h2'] },
      ...{ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
    })
    const [error] = (await once(socket, 'error')) as [Error]
    assert.match(error.message, /protocol version/)
  })

  it('will not be made with a method that has no access option', async () => {
    const path = '/paymesh.intent.v1.WalletService/StealWallet'
    const definition = { stealWallet: { ...getWallet, path } }
    const bindings = [bind(definition, { stealWallet: () => Promise.reject(new Error('never')) })]
    const { metrics } = server
    const tls = await of('intent')
    const log = { child: () => log } as never
    const make = () =>
      createServer({
        name: 'intent',
        listenAddress: 'localhost:0',
        tls,
        bindings,
        reflection: false,
        drainDelayMs: 0,
        log,
        metrics,
      })
    assert.throws(make, /StealWallet has no access option/)
  })
})
