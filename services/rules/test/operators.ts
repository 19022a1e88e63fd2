import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Client, type ClientReadableStream, Metadata, type MethodDefinition, status } from '@grpc/grpc-js'
import type pg from 'pg'
import { testCertificates, testDatabase } from '../../../dev/testing.js'
import { RuleSet } from '../../../gen/paymesh/rules/v1/rule_set.js'
import {
  CreateRuleSetRequest,
  type DryRunRuleSetRequest,
  type DryRunRuleSetResponse,
  PublishRuleSetRequest,
  RuleSetServiceService,
} from '../../../gen/paymesh/rules/v1/rule_set_service.js'
import type { PeerName } from '../../runtime/call.js'
import { clientCredentials } from '../../runtime/mesh-credentials.js'
import { createPool } from '../../runtime/postgres.js'
import { RpcError, rpcErrorFrom } from '../../runtime/rpc-error.js'
import { type Replica, startReplica } from './replica.js'

/** Who calls: a user behind the edge, or a peer in its own name. */
export interface CallAs {
  readonly peer?: PeerName
  readonly user?: string
  readonly permissions?: readonly string[]
}

const permissions = ['rules:write', 'rules:publish']
export const ann: CallAs = { user: 'users/0198c0de-0000-7000-8000-0000000000aa', permissions }
export const ben: CallAs = { user: 'users/0198c0de-0000-7000-8000-0000000000bb', permissions }

export const route = { id: 'p2p', operation_type: 'P2P_TRANSFER', channel: 'INTERNAL_P2P' }

/** A document that may be published; each number makes another one. */
export function documentOf(feeMinor: number) {
  return {
    routes: [route],
    fees: [
      {
        id: 'service',
        operation_type: 'P2P_TRANSFER',
        phase: 'PRE',
        flat_minor: String(feeMinor),
        revenue_account: 'accounts/fees.{asset}',
      },
    ],
  }
}

/** A Rules node with a database of its own, and operators who call it as the edge passes their calls on. */
export class Operators {
  readonly #clients = new Map<PeerName, Client>()
  readonly #tls: Awaited<ReturnType<typeof testCertificates>>
  readonly replica: Replica
  readonly pool: pg.Pool
  readonly databaseUrl: string

  private constructor(replica: Replica, pool: pg.Pool, url: string, tls: Awaited<ReturnType<typeof testCertificates>>) {
    this.replica = replica
    this.pool = pool
    this.databaseUrl = url
    this.#tls = tls
  }

  static async start(): Promise<Operators> {
    const url = await testDatabase('rules')
    const pool = createPool({ url, max: 4, applicationName: 'test' })
    return new Operators(await startReplica(url), pool, url, await testCertificates())
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close()
    await this.replica.stop()
    await this.pool.end()
  }

  /** Calls a method; rejects with RpcError. */
  async call<Q, R>(method: MethodDefinition<Q, R>, request: Q, as: CallAs = ann): Promise<R> {
    return (await this.answer(method, request, as)).answer
  }

  /** The answer and its headers. */
  async answer<Q, R>(method: MethodDefinition<Q, R>, request: Q, as: CallAs = ann) {
    const { path, requestSerialize, responseDeserialize } = method
    const client = this.#clientOf(as.peer ?? 'edge')
    const options = { deadline: Date.now() + 15_000 }
    let headers = new Metadata()
    const answer = await new Promise<R>((resolve, reject) => {
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadataOf(as),
        options,
        (error, message) => {
          if (error !== null) reject(rpcErrorFrom(error))
          else resolve(message!)
        },
      )
      call.on('metadata', (received) => (headers = received))
    })
    return { answer, headers }
  }

  /** Every message of a dry run. */
  async dryRun(request: DryRunRuleSetRequest, as: CallAs = ann): Promise<DryRunRuleSetResponse[]> {
    const { path, requestSerialize, responseDeserialize } = RuleSetServiceService.dryRunRuleSet
    const stream: ClientReadableStream<DryRunRuleSetResponse> = this.#clientOf('edge').makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadataOf(as),
      { deadline: Date.now() + 15_000 },
    )
    const messages: DryRunRuleSetResponse[] = []
    try {
      for await (const message of stream as AsyncIterable<DryRunRuleSetResponse>) messages.push(message)
    } catch (error) {
      throw rpcErrorFrom(error)
    }
    return messages
  }

  async create(document: object, as: CallAs = ann, change: Partial<RuleSet> = {}): Promise<RuleSet> {
    const ruleSet = RuleSet.fromPartial({ document: { ...document }, ...change })
    const request = CreateRuleSetRequest.fromPartial({ requestId: randomUUID(), ruleSet })
    return (await this.call(RuleSetServiceService.createRuleSet, request, as)).ruleSet!
  }

  async publish({ name, etag }: RuleSet, as: CallAs = ben): Promise<RuleSet> {
    const request = PublishRuleSetRequest.fromPartial({ name, etag, reason: 'a test' })
    return (await this.call(RuleSetServiceService.publishRuleSet, request, as)).ruleSet!
  }

  /** Writes and publishes a document through the service. */
  async put(document: object): Promise<RuleSet> {
    return await this.publish(await this.create(document))
  }

  #clientOf(peer: PeerName): Client {
    let client = this.#clients.get(peer)
    if (client === undefined) {
      client = new Client(this.replica.address, clientCredentials(this.#tls.of(peer), 'rules'))
      this.#clients.set(peer, client)
    }
    return client
  }
}

function metadataOf(as: CallAs): Metadata {
  const metadata = new Metadata()
  if (as.user !== undefined) {
    const claims = { sub: as.user, permissions: as.permissions, sid: 'sessions/0198c0de-0000-7000-8000-000000005e55' }
    metadata.set('x-paymesh-claims', Buffer.from(JSON.stringify({ ...claims, acr: 'pwd' })).toString('base64url'))
  }
  return metadata
}

export type Failure = readonly [code: keyof typeof status, reason: string, ...fields: string[]]

/** Asserts that a call fails so: with this code and reason, and violations of just these fields. */
export async function fails(
  call: Promise<unknown>,
  [code, reason, ...fields]: Failure,
  context = '',
): Promise<RpcError> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error))
    const found = [status[error.code], error.reason, ...error.fieldViolations.map(({ field }) => field)]
    assert.deepEqual(found, [code, reason, ...fields], `${context}: ${error.message}`)
    return error
  }
  return assert.fail(`${context} was answered`)
}
