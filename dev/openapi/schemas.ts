// Messages as JSON Schema, in the JSON form of protobuf (ProtoJSON) as Envoy's transcoder reads and writes it.
import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { commentOf } from './comments.js'

export type Json = Record<string, unknown>

const decimal = (format: string, pattern: string): Json => ({ type: 'string', format, pattern })

const scalars: Readonly<Record<ScalarType, Json>> = {
  [ScalarType.DOUBLE]: { type: 'number', format: 'double' },
  [ScalarType.FLOAT]: { type: 'number', format: 'float' },
  [ScalarType.INT64]: decimal('int64', '^-?[0-9]{1,19}$'),
  [ScalarType.SINT64]: decimal('int64', '^-?[0-9]{1,19}$'),
  [ScalarType.SFIXED64]: decimal('int64', '^-?[0-9]{1,19}$'),
  [ScalarType.UINT64]: decimal('uint64', '^[0-9]{1,20}$'),
  [ScalarType.FIXED64]: decimal('uint64', '^[0-9]{1,20}$'),
  [ScalarType.INT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SINT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SFIXED32]: { type: 'integer', format: 'int32' },
  [ScalarType.UINT32]: { type: 'integer', minimum: 0, maximum: 4_294_967_295 },
  [ScalarType.FIXED32]: { type: 'integer', minimum: 0, maximum: 4_294_967_295 },
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', format: 'byte' },
}

/** Messages with a JSON form of their own. */
const wellKnown: ReadonlyMap<string, Json> = new Map<string, Json>([
  ['google.protobuf.Timestamp', { type: 'string', format: 'date-time' }],
  ['google.protobuf.Duration', { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$' }],
  ['google.protobuf.FieldMask', { type: 'string', description: 'Names of fields, separated by commas.' }],
  ['google.protobuf.Struct', { type: 'object', additionalProperties: true }],
  ['google.protobuf.Value', {}],
  ['google.protobuf.Any', { type: 'object', required: ['@type'], properties: { '@type': { type: 'string' } } }],
])

/** Collects the messages and enums that a document refers to. */
export class Schemas {
  readonly #schemas = new Map<string, Json>()

  /** All that was referred to, by name. */
  get components(): Json {
    return Object.fromEntries([...this.#schemas].sort(([left], [right]) => (left < right ? -1 : 1)))
  }

  /** The schema of a message, by reference. */
  message(message: DescMessage): Json {
    return wellKnown.get(message.typeName) ?? this.#reference(message, () => this.object(message, message.fields))
  }

  /** An object with these fields of a message. */
  object(message: DescMessage, fields: readonly DescField[]): Json {
    const required = fields.filter(isRequired).map(({ jsonName }) => jsonName)
    return {
      type: 'object',
      description: commentOf(message),
      ...(required.length === 0 ? {} : { required }),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.field(field)])),
    }
  }

  field(field: DescField): Json {
    const schema = this.#fieldSchema(field)
    const comment = [commentOf(field), field.oneof && `At most one of ${namesOf(field.oneof.fields)}.`]
    const description = comment.filter(Boolean).join(' ')
    return description === '' ? schema : { ...schema, description }
  }

  #fieldSchema(field: DescField): Json {
    switch (field.fieldKind) {
      case 'list':
        return { type: 'array', items: this.#element(field) }
      case 'map':
        return { type: 'object', additionalProperties: this.#element({ ...field, listKind: field.mapKind }) }
      case 'scalar':
        return scalars[field.scalar]
      case 'enum':
        return this.#enum(field.enum)
      case 'message':
        return this.message(field.message)
    }
  }

  #element(of: Element): Json {
    if (of.listKind === 'message' && of.message !== undefined) return this.message(of.message)
    if (of.listKind === 'enum' && of.enum !== undefined) return this.#enum(of.enum)
    return of.scalar === undefined ? {} : scalars[of.scalar]
  }

  #enum(type: DescEnum): Json {
    const values = type.values.filter(({ number }) => number !== 0)
    const meanings = values.map((value) => `\`${value.name}\`: ${commentOf(value)}`)
    return this.#reference(type, () => ({
      type: 'string',
      enum: values.map(({ name }) => name),
      description: [commentOf(type), ...meanings].join('\n'),
    }))
  }

  #reference(type: DescMessage | DescEnum, schema: () => Json): Json {
    const name = type.typeName.replace(/^paymesh\./, '')
    if (!this.#schemas.has(name)) {
      // Before its fields, which may lead back to it.
      this.#schemas.set(name, {})
      this.#schemas.set(name, schema())
    }
    return { $ref: `#/components/schemas/${name}` }
  }
}

interface Element {
  readonly listKind: 'scalar' | 'enum' | 'message'
  readonly scalar?: ScalarType | undefined
  readonly enum?: DescEnum | undefined
  readonly message?: DescMessage | undefined
}

/** The contracts say in words what a caller must give. */
const isRequired = (field: DescField): boolean => /\bRequired\./.test(commentOf(field))

const namesOf = (fields: readonly DescField[]): string => fields.map(({ jsonName }) => `\`${jsonName}\``).join(', ')
