// `npm run replay`: the Ledger's replay with what it needs. Where DATABASE_URL or TLS_FOLDER is not set, a PostgreSQL
// and certificates are made for the run and removed after it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { checkout } from './checkout.js'
import { stopTestRun, testCertificates, testServerUrl } from './testing.js'

const args = process.argv.slice(2)

try {
  const env = { ...process.env }
  if (args.includes('postgres')) env['DATABASE_URL'] ??= await testServerUrl()
  if (args.includes('--grpc')) env['TLS_FOLDER'] ??= dirname((await testCertificates()).of('ledger').certFile)
  const program = join(checkout, 'dist', 'services', 'ledger', 'replay.js')
  const child = spawn(process.execPath, [program, ...args], { env, stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  process.exitCode = code ?? 1
} finally {
  await stopTestRun()
}
