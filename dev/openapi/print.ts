// Prints docs/openapi.json from the contracts: `make gen`.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { checkout } from '../checkout.js'
import { assetPath } from '../../services/runtime/assets.js'
import { openApiDocument } from './document.js'

export const openApiFile = (): string => assetPath('docs/openapi.json')

/** The document as it is committed. The image that services read has no comments, so the contracts are built anew. */
export function openApiText(): string {
  const image = execFileSync('node_modules/.bin/buf', ['build', '--path', 'proto/paymesh', '-o', '-'], {
    cwd: checkout,
    maxBuffer: 2 ** 26,
  })
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image))
  return `${JSON.stringify(openApiDocument(registry), undefined, 1)}\n`
}

if (process.argv[1] === import.meta.filename) writeFileSync(openApiFile(), openApiText())
