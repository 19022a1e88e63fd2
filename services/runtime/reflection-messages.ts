import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

// grpc.reflection.v1.ServerReflection on the wire (grpc.io, "GRPC Server Reflection Protocol"). v1alpha is the same
// bytes under another name. No generated stubs: the protos come with no package that we use, and this is all of it.

/** What a reflection client asks. */
export type ReflectionQuery =
  | { kind: 'fileByName'; name: string }
  | { kind: 'fileBySymbol'; symbol: string }
  | { kind: 'fileByExtension'; type: string; number: number }
  | { kind: 'extensionNumbers'; type: string }
  | { kind: 'listServices' }
  | { kind: 'unknown' }

export interface ReflectionRequest {
  /** The request's bytes, which the answer repeats. */
  original: Uint8Array
  query: ReflectionQuery
}

/** What a reflection client is answered. */
export type ReflectionAnswer =
  | { kind: 'files'; files: readonly Uint8Array[] }
  | { kind: 'extensionNumbers'; type: string; numbers: readonly number[] }
  | { kind: 'services'; names: readonly string[] }
  | { kind: 'error'; code: number; message: string }

export interface ReflectionResponse {
  original: Uint8Array
  answer: ReflectionAnswer
}

/** Decodes a ServerReflectionRequest. */
export function decodeReflectionRequest(original: Uint8Array): ReflectionRequest {
  const reader = new BinaryReader(original)
  let query: ReflectionQuery = { kind: 'unknown' }
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    switch (field) {
      case 3:
        query = { kind: 'fileByName', name: reader.string() }
        break
      case 4:
        query = { kind: 'fileBySymbol', symbol: reader.string() }
        break
      case 5:
        query = decodeExtension(reader.bytes())
        break
      case 6:
        query = { kind: 'extensionNumbers', type: reader.string() }
        break
      case 7:
        reader.string()
        query = { kind: 'listServices' }
        break
      default:
        reader.skip(wireType, field)
    }
  }
  return { original, query }
}

function decodeExtension(bytes: Uint8Array): ReflectionQuery {
  const reader = new BinaryReader(bytes)
  const query = { kind: 'fileByExtension' as const, type: '', number: 0 }
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === 1) query.type = reader.string()
    else if (field === 2) query.number = reader.int32()
    else reader.skip(wireType, field)
  }
  return query
}

/** Encodes a ServerReflectionResponse. */
export function encodeReflectionResponse({ original, answer }: ReflectionResponse): Buffer {
  const writer = new BinaryWriter()
  writer.tag(2, WireType.LengthDelimited).bytes(original)
  switch (answer.kind) {
    case 'files':
      writer.tag(4, WireType.LengthDelimited).fork()
      for (const file of answer.files) writer.tag(1, WireType.LengthDelimited).bytes(file)
      writer.join()
      break
    case 'extensionNumbers':
      writer.tag(5, WireType.LengthDelimited).fork()
      writer.tag(1, WireType.LengthDelimited).string(answer.type)
      for (const number of answer.numbers) writer.tag(2, WireType.Varint).int32(number)
      writer.join()
      break
    case 'services':
      writer.tag(6, WireType.LengthDelimited).fork()
      for (const name of answer.names) {
        writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(name).join()
      }
      writer.join()
      break
    case 'error':
      writer.tag(7, WireType.LengthDelimited).fork()
      writer.tag(1, WireType.Varint).int32(answer.code)
      writer.tag(2, WireType.LengthDelimited).string(answer.message).join()
      break
  }
  return Buffer.from(writer.finish())
}
