import { toJson } from '@bufbuild/protobuf'
import { MethodOptionsSchema } from '@bufbuild/protobuf/wkt'
import { z } from 'zod'
import { Peer, type Access } from '../gen/paymesh/access/v1/access.js'
import { accessRules } from '../services/runtime/access.js'
import { descriptorImage } from '../services/runtime/descriptor-image.js'
import { SERVICE_NAMES, type ServiceName } from './edge-options.js'

/** An RPC as the contracts describe it to the outside. */
export interface ContractMethod {
  /** Such as `paymesh.intent.v1.IntentService`. */
  readonly service: string
  readonly method: string
  /** The mesh service that answers. */
  readonly owner: ServiceName
  /** Whether it answers a stream. */
  readonly serverStreaming: boolean
  /** Absent when the RPC is not reachable from outside. */
  readonly http: HttpRule | undefined
  readonly access: Access
}

/** A google.api.http rule with one verb. */
export interface HttpRule {
  readonly verb: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** The path template, such as `/v1/{name=intents/*}:watch`. */
  readonly path: string
  /** The field that the body is, `*` for the whole message; absent when there is no body. */
  readonly body: string | undefined
}

const httpShape = z.object({
  '[google.api.http]': z
    .object({
      get: z.string(),
      post: z.string(),
      put: z.string(),
      patch: z.string(),
      delete: z.string(),
      body: z.string(),
    })
    .partial()
    .optional(),
})

/** Every RPC of Paymesh, in the order of the contracts. */
export function contractMethods(): ContractMethod[] {
  const { registry } = descriptorImage()
  return [...registry]
    .filter((descriptor) => descriptor.kind === 'service')
    .flatMap(({ typeName, methods }) =>
      methods.map((method) => {
        const name = `${typeName}/${method.name}`
        const access = accessRules().get(`/${name}`)
        if (method.proto.options === undefined || access === undefined) throw new Error(`${name} has no access option`)
        const options = httpShape.parse(toJson(MethodOptionsSchema, method.proto.options, { registry }))
        return {
          service: typeName,
          method: method.name,
          owner: ownerOf(typeName),
          serverStreaming: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
          http: httpRule(name, options['[google.api.http]']),
          access,
        }
      }),
    )
}

/**
 * The RPCs that the edge offers: those with a path. A path without the edge among the peers is a contradiction, and so is
 * the edge without a path but for what it asks itself.
 */
export function publicMethods(): (ContractMethod & { readonly http: HttpRule })[] {
  return contractMethods().flatMap((method) => {
    const offered = method.access.peers.includes(Peer.EDGE) && !ASKED_BY_THE_EDGE.has(method.service)
    if (offered !== (method.http !== undefined)) {
      throw new Error(`${method.service}/${method.method}: an HTTP path and PEER_EDGE go together`)
    }
    return method.http === undefined ? [] : [{ ...method, http: method.http }]
  })
}

/** Envoy's contracts, and who serves them. */
const ASKED_BY_THE_EDGE: ReadonlyMap<string, ServiceName> = new Map([
  ['envoy.service.ratelimit.v3.RateLimitService', 'rules'],
  ['envoy.service.auth.v3.Authorization', 'identity'],
])

function ownerOf(service: string): ServiceName {
  const owner = ASKED_BY_THE_EDGE.get(service) ?? SERVICE_NAMES.find((name) => service.startsWith(`paymesh.${name}.`))
  if (owner === undefined) throw new Error(`${service} belongs to no service of the mesh`)
  return owner
}

function httpRule(name: string, rule: z.infer<typeof httpShape>['[google.api.http]']): HttpRule | undefined {
  if (rule === undefined) return undefined
  const verbs = (['get', 'post', 'put', 'patch', 'delete'] as const).flatMap((verb) => {
    const path = rule[verb]
    return path === undefined ? [] : [{ verb: VERBS[verb], path, body: rule.body }]
  })
  const [only, ...more] = verbs
  if (only === undefined || more.length > 0) throw new Error(`${name} must have exactly one HTTP verb`)
  return only
}

const VERBS = { get: 'GET', post: 'POST', put: 'PUT', patch: 'PATCH', delete: 'DELETE' } as const
