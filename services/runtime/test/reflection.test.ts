import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { bindSome, clientOf, type RunningServer, startServer, stopAll } from './running-server.js'

interface Asked {
  field: number
  text: string
}

interface Answered {
  field: number
  strings: string[]
  files: Uint8Array[]
}

/** The client's half of the protocol, written apart from the server's. */
function reflectionDefinition(version: string) {
  return {
    info: {
      path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      requestStream: true as const,
      responseStream: true as const,
      requestSerialize: ({ field, text }: Asked) =>
        Buffer.from(new BinaryWriter().tag(field, WireType.LengthDelimited).string(text).finish()),
      requestDeserialize: (): Asked => assert.fail('a server’s part'),
      responseSerialize: (_answer: Answered): Buffer => assert.fail('a server’s part'),
      responseDeserialize: decodeAnswer,
    },
  }
}

function decodeAnswer(bytes: Buffer): Answered {
  const answer: Answered = { field: 0, strings: [], files: [] }
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 2) continue
    answer.field = field
    for (const [inner, part] of fieldsOf(value)) {
      if (field === 4) answer.files.push(part)
      else if (field === 6) answer.strings.push(...fieldsOf(part).map(([, name]) => Buffer.from(name).toString()))
      else if (inner === 2) answer.strings.push(Buffer.from(part).toString())
    }
  }
  return answer
}

function fieldsOf(bytes: Uint8Array): [number, Uint8Array][] {
  const reader = new BinaryReader(bytes)
  const fields: [number, Uint8Array][] = []
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (wireType === WireType.LengthDelimited) fields.push([field, reader.bytes()])
    else reader.skip(wireType, field)
  }
  return fields
}

/** In the order that a registry wants; a file that is missing stops it. */
function importsFirst(files: FileDescriptorProto[]): FileDescriptorProto[] {
  const sorted = new Set<FileDescriptorProto>()
  const visit = (file: FileDescriptorProto): void => {
    for (const name of file.dependency) visit(files.find((other) => other.name === name) ?? assert.fail(name))
    sorted.add(file)
  }
  files.forEach(visit)
  return [...sorted]
}

for (const version of ['v1', 'v1alpha']) {
  describe(`reflection ${version}`, () => {
    let server: RunningServer

    beforeEach(async () => {
      server = await startServer('intent', [bindSome(IntentServiceService, {})], { reflection: true })
    })
    afterEach(stopAll)

    const ask = async (field: number, text: string): Promise<Answered> => {
      const stream = (await clientOf(reflectionDefinition(version), server, 'operator')).info()
      stream.write({ field, text })
      stream.end()
      for await (const answer of stream.responses) return answer
      return assert.fail('no answer')
    }

    it('lists the services', async () => {
      const { strings } = await ask(7, '')
      assert.deepEqual(strings, ['paymesh.intent.v1.IntentService'])
    })

    const symbols = [
      'paymesh.intent.v1.IntentService',
      'paymesh.intent.v1.IntentService.GetIntent',
      'paymesh.intent.v1.Intent',
      'google.protobuf.Timestamp',
    ]
    for (const symbol of symbols) {
      it(`answers ${symbol} with everything that its file needs`, async () => {
        const { files } = await ask(4, symbol)
        const file = importsFirst(files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes)))
        const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }))
        const owner = symbol.endsWith('GetIntent') ? 'paymesh.intent.v1.IntentService' : symbol
        assert.ok(registry.get(owner) !== undefined)
      })
    }

    it('answers a file by its name', async () => {
      const { files } = await ask(3, 'paymesh/money/v1/money.proto')
      const [first] = files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name)
      assert.equal(first, 'paymesh/money/v1/money.proto')
    })

    it('answers the numbers of extensions', async () => {
      assert.equal((await ask(6, 'google.protobuf.MethodOptions')).field, 5)
    })

    it('answers an error and goes on when a name is unknown', async () => {
      const { field, strings } = await ask(4, 'paymesh.Nothing')
      assert.equal(field, 7)
      assert.deepEqual(strings, ['No contract has that name.'])
    })

    it('is not for strangers', async () => {
      const stream = (await clientOf(reflectionDefinition(version), server, 'stranger')).info()
      const read = async () => {
        for await (const _answer of stream.responses) assert.fail()
      }
      await assert.rejects(read(), { code: status.PERMISSION_DENIED, reason: 'PEER_NOT_ALLOWED' })
    })
  })
}

describe('reflection', () => {
  afterEach(stopAll)

  it('is not served unless asked for', async () => {
    const server = await startServer('intent', [bindSome(IntentServiceService, {})])
    const stream = (await clientOf(reflectionDefinition('v1'), server, 'operator')).info()
    const read = async () => {
      for await (const _answer of stream.responses) assert.fail()
    }
    await assert.rejects(read(), { code: status.UNIMPLEMENTED })
  })
})
