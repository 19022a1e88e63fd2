import { status } from '@grpc/grpc-js'
import { type DescFile, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Access } from '../../gen/paymesh/access/v1/access.js'
import { bind, type Binding } from './binding.js'
import type { BidiStream } from './call.js'
import { type DescriptorImage, descriptorImage } from './descriptor-image.js'
import { peerNames, peerNumber } from './peer-identity.js'
import {
  decodeReflectionRequest,
  encodeReflectionResponse,
  type ReflectionAnswer,
  type ReflectionQuery,
  type ReflectionRequest,
  type ReflectionResponse,
} from './reflection-messages.js'

const versions = ['grpc.reflection.v1', 'grpc.reflection.v1alpha']
// Reflection and health have no access option, being nobody's contract here; every peer of the mesh may ask.
const access = Access.fromPartial({ peers: peerNames.map(peerNumber), public: true })

/**
 * gRPC reflection over the descriptor image, so that grpcurl needs no files. Own code because the usual package does not
 * resolve well-known types out of an image that buf built. It lists what the image
 * describes, and so neither itself nor health checks.
 */
export function reflectionBinding(serviceNames: readonly string[]): { bindings: Binding[]; access: Access } {
  const index = new ReflectionIndex(descriptorImage(), serviceNames)
  const handler: BidiStream<ReflectionRequest, ReflectionResponse> = async function* (_call, requests) {
    for await (const { original, query } of requests) yield { original, answer: index.answer(query) }
  }
  return { bindings: versions.map((version) => binding(`${version}.ServerReflection`, handler)), access }
}

function binding(
  serviceName: string,
  serverReflectionInfo: BidiStream<ReflectionRequest, ReflectionResponse>,
): Binding {
  const method = {
    path: `/${serviceName}/ServerReflectionInfo`,
    requestStream: true as const,
    responseStream: true as const,
    requestSerialize: ({ original }: ReflectionRequest) => Buffer.from(original),
    requestDeserialize: decodeReflectionRequest,
    responseSerialize: encodeReflectionResponse,
    responseDeserialize: (): ReflectionResponse => {
      throw new Error('A server does not decode its own answers.')
    },
  }
  return bind({ serverReflectionInfo: method }, { serverReflectionInfo })
}

class ReflectionIndex {
  readonly #image: DescriptorImage
  readonly #services: readonly string[]
  readonly #files: ReadonlyMap<string, FileDescriptorProto>

  constructor(image: DescriptorImage, services: readonly string[]) {
    this.#image = image
    this.#services = services
    this.#files = new Map(image.files.file.map((file) => [file.name, file]))
  }

  answer(query: ReflectionQuery): ReflectionAnswer {
    switch (query.kind) {
      case 'listServices':
        return { kind: 'services', names: this.#services }
      case 'fileByName':
        return this.#filesFrom(query.name)
      case 'fileBySymbol':
        return this.#filesFrom(this.#fileOf(query.symbol)?.proto.name)
      case 'fileByExtension':
        return this.#filesFrom(this.#extensionFile(query.type, query.number))
      case 'extensionNumbers':
        return { kind: 'extensionNumbers', type: query.type, numbers: this.#extensionNumbers(query.type) }
      case 'unknown':
        return { kind: 'error', code: status.UNIMPLEMENTED, message: 'This question is not known.' }
    }
  }

  /** The file that defines a symbol, which may be a part of a definition: a method, a field, an enum's value. */
  #fileOf(symbol: string): DescFile | undefined {
    for (let name = symbol; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const definition = this.#image.registry.get(name)
      if (definition !== undefined) return definition.file
    }
    return undefined
  }

  #extensionFile(type: string, number: number): string | undefined {
    for (const definition of this.#image.registry) {
      if (definition.kind !== 'extension') continue
      if (definition.extendee.typeName === type && definition.number === number) return definition.file.proto.name
    }
    return undefined
  }

  #extensionNumbers(type: string): number[] {
    const numbers: number[] = []
    for (const definition of this.#image.registry) {
      if (definition.kind === 'extension' && definition.extendee.typeName === type) numbers.push(definition.number)
    }
    return numbers
  }

  /** A file with everything that it imports, which spares a client a question an import. */
  #filesFrom(name: string | undefined): ReflectionAnswer {
    const found = new Map<string, Uint8Array>()
    const visit = (path: string): void => {
      const file = this.#files.get(path)
      if (file === undefined || found.has(path)) return
      found.set(path, toBinary(FileDescriptorProtoSchema, file))
      file.dependency.forEach(visit)
    }
    if (name !== undefined) visit(name)
    if (found.size === 0) return { kind: 'error', code: status.NOT_FOUND, message: 'No contract has that name.' }
    return { kind: 'files', files: [...found.values()] }
  }
}
