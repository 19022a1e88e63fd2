// `npm run ledger -- COMMAND`: what operators ask of the Ledger from a shell. docs/ledger.md has examples.
//
//   id NAME [--namespace N]                        the 128-bit id of an account's name; asks nobody
//   verify [--journal] [--address A --tls FOLDER]  proves the books; exit 1 when something is found
//   reconcile --account NAME [--from T] [--to T] FILE.csv | --intent [--address A --tls FOLDER [--intent-address A]]
//                                                  compares an account with another side's records; exit 1 when they
//                                                  do not agree, 65 when the file is malformed
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
import { parseResourceName } from '../services/runtime/resource-name.js'
import { openRunningMesh } from './mesh-access.js'
import { reconcileCommand, type ReconcileTarget } from './reconcile-command.js'
import { parseTime } from './record-file.js'
import { STATE_FOLDER } from './state-folder.js'
import { runCommand } from './terminal.js'

const usage = [
  'Usage: npm run ledger -- id accounts/NAME [--namespace NAMESPACE]',
  '       npm run ledger -- verify [--journal] [--address HOST:PORT --tls FOLDER]',
  '       npm run ledger -- reconcile --account accounts/NAME [--from TIME] [--to TIME] FILE.csv',
  '                                   [--address HOST:PORT --tls FOLDER]',
  '       npm run ledger -- reconcile --account accounts/NAME [--from TIME] [--to TIME] --intent',
  '                                   [--address HOST:PORT --intent-address HOST:PORT --tls FOLDER]',
  '       TIME is like 2026-01-31T00:00:00Z',
].join('\n')

/** The lines for one name: the id as decimal, as hexadecimal and as a UUID. */
function idLines(namespace: string, name: string): string[] {
  const id = uuidV5ToUint128(namespace, name)
  const hex = id.toString(16).padStart(32, '0')
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return [`decimal ${id}`, `hex     ${hex}`, `uuid    ${uuid}`]
}

function runningMesh(): ReconcileTarget {
  const mesh = openRunningMesh(STATE_FOLDER)
  const address = (service: 'ledger' | 'intent') => `localhost:${mesh.ports[service].grpc}`
  return { ledgerAddress: address('ledger'), intentAddress: address('intent'), tls: mesh.tls('operator') }
}

function elsewhere(ledgerAddress: string, intentAddress: string, folder: string): ReconcileTarget {
  const file = (name: string) => join(folder, name)
  const tls = { certFile: file('operator.crt'), keyFile: file('operator.key'), caFile: file('ca.crt') }
  return { ledgerAddress, intentAddress, tls }
}

async function verify({ ledgerAddress: address, tls }: ReconcileTarget, onlyJournal: boolean): Promise<void> {
  const serviceConfig = 'proto/paymesh/ledger/v1/ledger_service_config.json'
  const client = createClient(LedgerAdminServiceService, { address, tls, peer: 'ledger', serviceConfig })
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

function parseOptions() {
  return parseArgs({
    allowPositionals: true,
    options: {
      namespace: { type: 'string', default: 'paymesh' },
      journal: { type: 'boolean', default: false },
      account: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      intent: { type: 'boolean', default: false },
      address: { type: 'string' },
      'intent-address': { type: 'string' },
      tls: { type: 'string' },
    },
  })
}
type Values = ReturnType<typeof parseOptions>['values']

/** What is asked for; undefined when it is called wrongly. */
function readCommand(): (() => Promise<void>) | undefined {
  try {
    const { values, positionals } = parseOptions()
    const [command, operand, ...others] = positionals
    if (others.length > 0) return undefined
    switch (command) {
      case 'id':
        return readId(values, operand)
      case 'verify':
        return readVerify(values, operand)
      case 'reconcile':
        return readReconcile(values, operand)
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}

function readId({ namespace }: Values, name = '') {
  if (parseResourceName('accounts/{account}', name) === undefined) return undefined
  return () => {
    console.log(idLines(namespace, name).join('\n'))
    return Promise.resolve()
  }
}

function readVerify({ address, tls, journal }: Values, operand: string | undefined) {
  if (operand !== undefined || (address === undefined) !== (tls === undefined)) return undefined
  return () => verify(targetOf(address, undefined, tls), journal)
}

function readReconcile(values: Values, path: string | undefined) {
  const { account = '', from, to, intent, address, tls } = values
  const intentAddress = values['intent-address']
  const [startTime, endTime] = [from, to].map((text) => (text === undefined ? undefined : parseTime(text)))
  const isOneSource = intent === (path === undefined)
  const isAddressed = (address === undefined) === (tls === undefined)
  const isIntentAddressed = (intentAddress !== undefined) === (intent && address !== undefined)
  const areTimes = (from === undefined) === (startTime === undefined) && (to === undefined) === (endTime === undefined)
  const isName = parseResourceName('accounts/{account}', account) !== undefined
  if (!isOneSource || !isAddressed || !isIntentAddressed || !areTimes || !isName) return undefined
  const source = path === undefined ? ({ kind: 'intent' } as const) : ({ kind: 'file', path } as const)
  return () => reconcileCommand(targetOf(address, intentAddress, tls), { account, startTime, endTime, source })
}

function targetOf(
  address: string | undefined,
  intentAddress: string | undefined,
  tls: string | undefined,
): ReconcileTarget {
  return address === undefined || tls === undefined ? runningMesh() : elsewhere(address, intentAddress ?? '', tls)
}

const command = readCommand()
if (command === undefined) {
  console.error(usage)
  process.exitCode = 64
} else {
  await runCommand(command)
}
