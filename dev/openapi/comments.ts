import {
  type DescEnum,
  type DescEnumValue,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescOneof,
  type DescService,
} from '@bufbuild/protobuf'
import { type FileDescriptorProto } from '@bufbuild/protobuf/wkt'

type Commented = DescService | DescMethod | DescMessage | DescField | DescOneof | DescEnum | DescEnumValue

// Numbers of the fields of google.protobuf.descriptor.proto, of which a place in a file is a path.
const inFile = { message: 4, enum: 5, service: 6 } as const
const inMessage = { field: 2, message: 3, enum: 4, oneof: 8 } as const
const enumValue = 2
const method = 2

/** What the contract says about a thing, as one text; empty when it says nothing. */
export function commentOf(thing: Commented): string {
  const file = fileOf(thing)
  const path = pathOf(thing).join()
  const location = file.sourceCodeInfo?.location.find((each) => each.path.join() === path)
  return (location?.leadingComments ?? '')
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim()
}

function fileOf(thing: Commented): FileDescriptorProto {
  switch (thing.kind) {
    case 'rpc':
    case 'field':
    case 'oneof':
    case 'enum_value':
      return thing.parent.file.proto
    case 'service':
    case 'message':
    case 'enum':
      return thing.file.proto
  }
}

function pathOf(thing: Commented): number[] {
  switch (thing.kind) {
    case 'service':
      return [inFile.service, thing.file.proto.service.indexOf(thing.proto)]
    case 'rpc':
      return [...pathOf(thing.parent), method, thing.parent.proto.method.indexOf(thing.proto)]
    case 'field':
      return [...pathOf(thing.parent), inMessage.field, thing.parent.proto.field.indexOf(thing.proto)]
    case 'oneof':
      return [...pathOf(thing.parent), inMessage.oneof, thing.parent.proto.oneofDecl.indexOf(thing.proto)]
    case 'enum_value':
      return [...pathOf(thing.parent), enumValue, thing.parent.proto.value.indexOf(thing.proto)]
    case 'message':
      return thing.parent === undefined
        ? [inFile.message, thing.file.proto.messageType.indexOf(thing.proto)]
        : [...pathOf(thing.parent), inMessage.message, thing.parent.proto.nestedType.indexOf(thing.proto)]
    case 'enum':
      return thing.parent === undefined
        ? [inFile.enum, thing.file.proto.enumType.indexOf(thing.proto)]
        : [...pathOf(thing.parent), inMessage.enum, thing.parent.proto.enumType.indexOf(thing.proto)]
  }
}
