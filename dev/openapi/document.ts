// The public API as OpenAPI 3.1, drawn from the contracts: what the edge offers, and nothing else.
import { type DescField, type DescMessage, type DescMethod, type FileRegistry } from '@bufbuild/protobuf'
import { type ContractMethod, type HttpRule, publicMethods } from '../../envoy/public-methods.js'
import { commentOf } from './comments.js'
import { type Json, Schemas } from './schemas.js'

type PublicMethod = ContractMethod & { readonly http: HttpRule }

/** The document, from contracts that still have their comments. */
export function openApiDocument(registry: FileRegistry): Json {
  const schemas = new Schemas()
  const paths: Record<string, Json> = {}
  for (const method of publicMethods()) {
    const path = openApiPath(method.http.path)
    paths[path] = { ...paths[path], [method.http.verb.toLowerCase()]: operation(registry, schemas, method) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Paymesh',
      version: 'v1',
      description:
        'Amounts are decimal strings of minor units. Every refusal is a google.rpc.Status with one ErrorInfo.',
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: [...new Set(publicMethods().map(({ service }) => service))].map((service) => tag(registry, service)),
    paths: Object.fromEntries(Object.entries(paths).sort(([left], [right]) => (left < right ? -1 : 1))),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'From CreateSession.' },
      },
      responses: { Refusal: refusal },
      schemas: schemas.components,
    },
  }
}

const refusal: Json = {
  description: 'A refusal; `details` has one google.rpc.ErrorInfo with `reason` and `domain`.',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['code', 'message', 'details'],
        properties: {
          code: { type: 'integer', description: 'A google.rpc.Code.' },
          message: { type: 'string', description: 'For people.' },
          details: { type: 'array', items: { type: 'object', required: ['@type'], additionalProperties: true } },
        },
      },
    },
  },
}

function tag(registry: FileRegistry, name: string): Json {
  const service = registry.getService(name)
  return { name, description: service === undefined ? '' : commentOf(service) }
}

function operation(registry: FileRegistry, schemas: Schemas, contract: PublicMethod): Json {
  const method = registry.getService(contract.service)?.methods.find(({ name }) => name === contract.method)
  if (method === undefined) throw new Error(`${contract.service}/${contract.method} is in the image alone`)
  const inPath = variablesOf(contract.http.path)
  const inBody = contract.http.body
  const isOpen = (field: DescField) => !inPath.some(({ field: name }) => name === field.name)
  // Where the body is one field, the others are parameters; where it is the whole message there are none.
  const query = inBody === '*' ? [] : method.input.fields.filter((field) => isOpen(field) && field.name !== inBody)
  return {
    operationId: `${contract.service.split('.').at(-1)}_${contract.method}`,
    tags: [contract.service],
    summary: contract.method,
    description: descriptionOf(contract, method),
    ...(contract.access.public ? { security: [] } : {}),
    parameters: [...inPath.map(pathParameter), ...query.flatMap((field) => queryParameters(schemas, field))],
    ...(inBody === undefined ? {} : { requestBody: requestBody(schemas, method.input, inBody, isOpen) }),
    responses: { 200: answer(schemas, contract, method.output), default: { $ref: '#/components/responses/Refusal' } },
  }
}

function descriptionOf({ access }: PublicMethod, method: DescMethod): string {
  const permission = access.permission === '' ? '' : `Needs the permission \`${access.permission}\`.`
  return [commentOf(method), permission].filter((part) => part !== '').join('\n\n')
}

function answer(schemas: Schemas, { serverStreaming }: PublicMethod, output: DescMessage): Json {
  const schema = isRaw(output) ? { type: 'string', format: 'binary' } : schemas.message(output)
  const type = isRaw(output) ? '*/*' : serverStreaming ? 'text/event-stream' : 'application/json'
  return { description: commentOf(output) || 'The answer.', content: { [type]: { schema } } }
}

const isRaw = ({ typeName }: DescMessage): boolean => typeName === 'google.api.HttpBody'

function requestBody(schemas: Schemas, input: DescMessage, body: string, isOpen: (field: DescField) => boolean): Json {
  const field = body === '*' ? undefined : input.fields.find(({ name }) => name === body)
  const bodyMessage = field?.message ?? (body === '*' ? input : undefined)
  if (bodyMessage !== undefined && isRaw(bodyMessage)) {
    return { required: true, content: { '*/*': { schema: { type: 'string', format: 'binary' } } } }
  }
  const schema = field === undefined ? schemas.object(input, input.fields.filter(isOpen)) : schemas.field(field)
  return { required: true, content: { 'application/json': { schema } } }
}

/** The variables of a path template: `{name=intents/*}` is the field `name`, of which `intent` is the part that varies. */
function variablesOf(template: string): readonly { field: string; parameter: string; pattern: string }[] {
  return [...template.matchAll(/\{([^=}]+)(?:=([^}]+))?\}/g)].flatMap(([, field = '', pattern = '*']) => {
    const segments = pattern.split('/')
    return segments.flatMap((segment, at) =>
      segment === '*' ? [{ field, parameter: singular(segments[at - 1] ?? field), pattern }] : [],
    )
  })
}

const singular = (collection: string): string => collection.replace(/ies$/, 'y').replace(/([^s])s$/, '$1')

/** A template as OpenAPI writes it: `/v1/{name=intents/*}:watch` is `/v1/intents/{intent}:watch`. */
export function openApiPath(template: string): string {
  return template.replace(/\{([^=}]+)(?:=([^}]+))?\}/g, (_whole, field: string, pattern = '*') => {
    const segments = String(pattern).split('/')
    return segments
      .map((segment, at) => (segment === '*' ? `{${singular(segments[at - 1] ?? field)}}` : segment))
      .join('/')
  })
}

const pathParameter = ({ parameter, field, pattern }: ReturnType<typeof variablesOf>[number]): Json => ({
  name: parameter,
  in: 'path',
  required: true,
  description: pattern === '*' ? '' : `The last part of \`${field}\`, \`${pattern.replace(/\*/g, `{${parameter}}`)}\`.`,
  schema: { type: 'string', pattern: '^[^/:]+$' },
})

/** A field of a message within is named with a dot. */
function queryParameters(schemas: Schemas, field: DescField, prefix = ''): Json[] {
  const name = `${prefix}${field.jsonName}`
  const schema = schemas.field(field)
  const inner = field.fieldKind === 'message' && '$ref' in schema ? field.message.fields : []
  if (inner.length > 0) return inner.flatMap((each) => queryParameters(schemas, each, `${name}.`))
  const { description = '', ...bare } = schema
  return [{ name, in: 'query', description, schema: bare }]
}
