// Generates gen/ from proto/: TypeScript stubs and gen/paymesh.binpb, the descriptor image that servers and the edge read.
// With --check generates into a scratch folder instead and fails on any difference from gen/.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const googleapis = 'node_modules/@grpc/grpc-js-xds/deps/googleapis/google'
// Only what the contracts use: the whole of googleapis would be two hundred files of stubs nobody imports.
const paths = [
  'proto/paymesh',
  'proto/envoy',
  `${googleapis}/rpc/status.proto`,
  `${googleapis}/rpc/error_details.proto`,
].flatMap((path) => ['--path', path])
const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: 'inherit' })

function generate(into) {
  run('node_modules/.bin/buf', ['generate', ...paths, '-o', into])
  run('node_modules/.bin/buf', ['build', ...paths, '--exclude-source-info', '-o', join(into, 'gen/paymesh.binpb')])
}

if (process.argv.includes('--check')) {
  const scratch = mkdtempSync(join(tmpdir(), 'paymesh-gen-'))
  try {
    generate(scratch)
    run('diff', ['-r', join(scratch, 'gen'), 'gen'])
  } catch {
    console.error('gen/ is not what proto/ says. Run `make gen` and commit the result.')
    process.exitCode = 1
  } finally {
    rmSync(scratch, { recursive: true })
  }
} else {
  generate('.')
}
