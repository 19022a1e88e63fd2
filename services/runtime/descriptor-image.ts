import { readFileSync } from 'node:fs'
import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { assetPath } from './assets.js'

/** Every contract of the mesh as data: what `buf build` makes of proto/. */
export interface DescriptorImage {
  readonly files: FileDescriptorSet
  readonly registry: FileRegistry
}

let loaded: DescriptorImage | undefined

/** The image of gen/paymesh.binpb; read once. */
export function descriptorImage(): DescriptorImage {
  if (loaded === undefined) {
    const files = fromBinary(FileDescriptorSetSchema, readFileSync(assetPath('gen/paymesh.binpb')))
    loaded = { files, registry: createFileRegistry(files) }
  }
  return loaded
}
