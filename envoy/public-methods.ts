import { createFileRegistry, fromBinary, toJson } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema, MethodOptionsSchema } from '@bufbuild/protobuf/wkt'
import { z } from 'zod'
import { SERVICE_NAMES, type ServiceName } from './edge-options.js'

/** An RPC as the contracts describe it to the outside. */
export interface ContractMethod {
  /** Such as `paymesh.intent.v1.IntentService`. */
  readonly service: string
  readonly method: string
  /** The mesh service that answers. */
  readonly owner: ServiceName
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
}

const optionsShape = z.object({
  '[google.api.http]': z
    .object({ get: z.string(), post: z.string(), put: z.string(), patch: z.string(), delete: z.string() })
    .partial()
    .optional(),
  '[paymesh.access.v1.access]': z.object({
    peers: z.array(z.string()).default([]),
    permission: z.string().default(''),
    public: z.boolean().default(false),
    audited: z.boolean().default(false),
    minimumLevel: z.string().default('AUTH_LEVEL_UNSPECIFIED'),
  }),
})

export type Access = z.infer<typeof optionsShape>['[paymesh.access.v1.access]']

/** Reads every RPC of Paymesh from a descriptor image, in the image's order. */
export function contractMethods(image: Uint8Array): ContractMethod[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image))
  return [...registry]
    .filter((descriptor) => descriptor.kind === 'service')
    .filter((service) => service.typeName.startsWith('paymesh.'))
    .flatMap((service) =>
      service.methods.map((method) => {
        const name = `${service.typeName}/${method.name}`
        if (method.proto.options === undefined) throw new Error(`${name} has no access option`)
        const options = optionsShape.parse(toJson(MethodOptionsSchema, method.proto.options, { registry }))
        return {
          service: service.typeName,
          method: method.name,
          owner: ownerOf(service.typeName),
          serverStreaming: method.methodKind === 'server_streaming',
          http: httpRule(name, options['[google.api.http]']),
          access: options['[paymesh.access.v1.access]'],
        }
      }),
    )
}

/** The RPCs that the edge offers: those with a path. A path without the edge among the peers is a contradiction. */
export function publicMethods(image: Uint8Array): (ContractMethod & { readonly http: HttpRule })[] {
  return contractMethods(image).flatMap((method) => {
    const offered = method.access.peers.includes('PEER_EDGE')
    if (offered !== (method.http !== undefined)) {
      throw new Error(`${method.service}/${method.method}: an HTTP path and PEER_EDGE go together`)
    }
    return method.http === undefined ? [] : [{ ...method, http: method.http }]
  })
}

function ownerOf(service: string): ServiceName {
  const owner = SERVICE_NAMES.find((name) => service.startsWith(`paymesh.${name}.`))
  if (owner === undefined) throw new Error(`${service} belongs to no service of the mesh`)
  return owner
}

function httpRule(name: string, rule: z.infer<typeof optionsShape>['[google.api.http]']): HttpRule | undefined {
  if (rule === undefined) return undefined
  const verbs = (['get', 'post', 'put', 'patch', 'delete'] as const).flatMap((verb) => {
    const path = rule[verb]
    return path === undefined ? [] : [{ verb: VERBS[verb], path }]
  })
  const [only, ...more] = verbs
  if (only === undefined || more.length > 0) throw new Error(`${name} must have exactly one HTTP verb`)
  return only
}

const VERBS = { get: 'GET', post: 'POST', put: 'PUT', patch: 'PATCH', delete: 'DELETE' } as const
