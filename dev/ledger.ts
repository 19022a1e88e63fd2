// `npm run ledger -- COMMAND`: what operators ask of the Ledger from a shell. docs/ledger.md has examples.
//
//   id NAME [--namespace N]                        the 128-bit id of an account's name; asks nobody
//   verify [--journal] [--address A --tls FOLDER]  proves the books; exit 1 when something is found
//
// Without --address it is the mesh that `make up` runs. Called wrongly: exit 64 (EX_USAGE).
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { LedgerAdminServiceService } from '../gen/paymesh/ledger/v1/ledger_admin_service.js'
import {
  type Finding,
  FindingKind,
  type Progress,
  type Summary,
  VerificationPhase,
} from '../gen/paymesh/ledger/v1/verification.js'
import { createClient } from '../services/runtime/client.js'
import { uuidV5ToUint128 } from '../services/runtime/ids.js'
import { type TlsFiles } from '../services/runtime/mesh-credentials.js'
import { parseResourceName } from '../services/runtime/resource-name.js'
import { openRunningMesh } from './mesh-access.js'
import { STATE_FOLDER } from './state-folder.js'
import { runCommand } from './terminal.js'

const usage = [
  'Usage: npm run ledger -- id accounts/NAME [--namespace NAMESPACE]',
  '       npm run ledger -- verify [--journal] [--address HOST:PORT --tls FOLDER]',
].join('\n')

/** The lines for one name: the id as decimal, as hexadecimal and as a UUID. */
function idLines(namespace: string, name: string): string[] {
  const id = uuidV5ToUint128(namespace, name)
  const hex = id.toString(16).padStart(32, '0')
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return [`decimal ${id}`, `hex     ${hex}`, `uuid    ${uuid}`]
}

interface Target {
  readonly address: string
  readonly tls: TlsFiles
}

function runningMesh(): Target {
  const mesh = openRunningMesh(STATE_FOLDER)
  return { address: `localhost:${mesh.ports.ledger.grpc}`, tls: mesh.tls('operator') }
}

function elsewhere(address: string, folder: string): Target {
  const file = (name: string) => join(folder, name)
  return { address, tls: { certFile: file('operator.crt'), keyFile: file('operator.key'), caFile: file('ca.crt') } }
}

async function verify(target: Target, onlyJournal: boolean): Promise<void> {
  const serviceConfig = 'proto/paymesh/ledger/v1/ledger_service_config.json'
  const client = createClient(LedgerAdminServiceService, { ...target, peer: 'ledger', serviceConfig })
  try {
    for await (const { event } of client.verifyLedger({ onlyJournal, resumeToken: '' })) {
      if (event?.$case === 'progress') console.log(progressLine(event.progress))
      if (event?.$case === 'finding') console.log(findingLine(event.finding))
      if (event?.$case === 'summary') {
        console.log(summaryLine(event.summary))
        if (event.summary.findingCount > 0n) process.exitCode = 1
      }
    }
  } finally {
    client.close()
  }
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, known]) => known === value)?.[0] ?? String(value)
}

function progressLine({ phase, done, total }: Progress): string {
  const about = total === 0n ? '' : ` of about ${total}`
  return `${nameOf(VerificationPhase, phase).toLowerCase()}: ${done}${about}`
}

function findingLine({ kind, subject, expected, found }: Finding): string {
  return `${nameOf(FindingKind, kind)} ${subject}: expected ${expected}, found ${found}`
}

function summaryLine({ batchCount, accountCount, transferCount, findingCount, batch, hash }: Summary): string {
  const seen = `${batchCount} batches, ${accountCount} accounts, ${transferCount} transfers`
  const verdict = findingCount === 0n ? 'the books are right' : `${findingCount} findings`
  return `${seen}: ${verdict}. Batch ${batch} has the hash ${Buffer.from(hash).toString('hex')}.`
}

/** What is asked for; undefined when it is called wrongly. */
function readCommand(): (() => Promise<void>) | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        namespace: { type: 'string', default: 'paymesh' },
        journal: { type: 'boolean', default: false },
        address: { type: 'string' },
        tls: { type: 'string' },
      },
    })
    const [command, name, ...others] = positionals
    if (command === 'id' && name !== undefined && others.length === 0) {
      if (parseResourceName('accounts/{account}', name) === undefined) return undefined
      return () => {
        console.log(idLines(values.namespace, name).join('\n'))
        return Promise.resolve()
      }
    }
    const { address, tls, journal } = values
    if (command !== 'verify' || name !== undefined || (address === undefined) !== (tls === undefined)) return undefined
    return () => verify(address === undefined || tls === undefined ? runningMesh() : elsewhere(address, tls), journal)
  } catch {
    return undefined
  }
}

const command = readCommand()
if (command === undefined) {
  console.error(usage)
  process.exitCode = 64
} else {
  await runCommand(command)
}
