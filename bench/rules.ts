// How fast Rules decides with 1, 100 and 1,000 rules of each kind: as a function, and over gRPC with mutual TLS.
//
//     npm run bench:rules -- [--count N] [--in-flight 1,64] [--runs N] [--json]
//
// "spread" has the rules over 20 operation types and 10 assets, as the rules of an institution are; "one scope" has all of
// them for the payment that is decided, so that each condition is evaluated.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateFolder } from '../dev/pki.js'
import { DecideRequest, DecisionServiceService } from '../gen/paymesh/rules/v1/decision_service.js'
import { Facts as FactsMessage } from '../gen/paymesh/rules/v1/decision.js'
import { type CompiledRuleSet, compileRuleSet, decide } from '../services/rules/decision.js'
import { type Facts } from '../services/rules/facts.js'
import { decidePayment } from '../services/rules/rpc/decide.js'
import { decideBatch } from '../services/rules/rpc/decide-batch.js'
import { connectDecisions } from '../services/intent/decisions/rules-client.js'
import { parseRuleSet } from '../services/rules/rule-set.js'
import { createClient } from '../services/runtime/client.js'
import { createLogger } from '../services/runtime/logger.js'
import { createMetrics } from '../services/runtime/metrics.js'
import { bind, createServer } from '../services/runtime/server.js'
import { closedLoop } from './load.js'
import { benchOptions } from './options.js'
import { type Figures, machine, print, type Row, rowOf } from './report.js'

const SIZES = [1, 100, 1000]
const TYPES = 20
const ASSETS = 10

const facts: Facts = {
  operationType: 'TYPE_0',
  assetCode: 'A0',
  amountMinor: 150_25n,
  payer: { party: 'wallets/a', owner: 'users/a', tags: ['kyc_verified'], walletKind: 'PERSONAL' },
  payee: { party: 'wallets/b', owner: 'users/b', tags: [], walletKind: 'PERSONAL' },
  metadata: new Map([['note', 'rent']]),
  time: { seconds: 1_767_225_600n, nanos: 0 },
  timeZone: 'Asia/Bangkok',
  channelHint: '',
  signals: new Map([['payments_last_hour', 3n]]),
}

const request = DecideRequest.fromPartial({
  facts: FactsMessage.fromPartial({
    operationType: facts.operationType,
    amount: { assetCode: facts.assetCode, minorUnits: facts.amountMinor },
    payer: { party: 'wallets/a', owner: 'users/a', tags: ['kyc_verified'], walletKind: 'PERSONAL' },
    payee: { party: 'wallets/b', owner: 'users/b', walletKind: 'PERSONAL' },
    metadata: { note: 'rent' },
    time: facts.time,
    timeZone: facts.timeZone,
    signals: { payments_last_hour: 3n },
  }),
})

/** So many routes, fees, limits and risk rules each. Only the first of each kind takes the payment. */
function ruleSetOf(count: number, isSpread: boolean): CompiledRuleSet {
  const ruleOf = (index: number) => {
    const type = isSpread ? `TYPE_${index % TYPES}` : facts.operationType
    const asset = isSpread ? `A${Math.floor(index / TYPES) % ASSETS}` : facts.assetCode
    const condition = index === 0 ? 'amount > 5' : `metadata.note == "${index}" && !("vip" in payer.tags)`
    return { id: `r${index}`, type, common: { id: `r${index}`, assets: [asset], priority: -index, condition } }
  }
  const rules = Array.from({ length: count }, (_, index) => ruleOf(index))
  const limit = { metric: 'AMOUNT', window: 'DAILY', time_zone: 'Asia/Bangkok', cap: '5000000' }
  const fee = { phase: 'PRE', bps: 25, rounding: 'HALF_EVEN', min_minor: '100', revenue_account: 'accounts/fees' }
  const document = {
    routes: rules.map(({ type, common }) => ({ ...common, operation_type: type, channel: 'INTERNAL_P2P' })),
    fees: rules.map(({ type, common }) => ({ ...common, operation_type: type, ...fee })),
    limits: rules.map(({ type, common }) => ({ ...common, operation_types: [type], ...limit })),
    risk: {
      rules: rules.map(({ type, common }) => ({ ...common, operation_types: [type], reason: 'R', score: 1 })),
    },
  }
  return compileRuleSet(1n, parseRuleSet(document))
}

const options = benchOptions(process.argv.slice(2), { count: 4000, inFlight: [64], runs: 3 })
const ruleSets = SIZES.flatMap((size) =>
  [true, false].map((isSpread) => ({ size, isSpread, ruleSet: ruleSetOf(size, isSpread) })),
).filter(({ size, isSpread }) => isSpread || size > 1)
const folder = mkdtempSync(join(tmpdir(), 'paymesh-bench-rules-'))
try {
  const rows = [...(await inProcess()), ...(await overGrpc())]
  print({ bench: 'bench:rules', machine: machine(), rows, ratios: ratios(rows) }, options.json)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function nameOf(way: string, size: number, isSpread: boolean): string {
  return `${way}, ${size} of each${size === 1 ? '' : isSpread ? ', spread' : ', one scope'}`
}

/** Rule sets in turn, so that the ratios hold while the machine's speed drifts. */
async function measure(
  way: string,
  inFlight: number,
  run: (of: CompiledRuleSet, count: number) => Promise<Figures>,
): Promise<Row[]> {
  const figures = ruleSets.map(() => [] as Figures[])
  for (let round = 0; round <= options.runs; round++) {
    for (const [index, { ruleSet, isSpread }] of ruleSets.entries()) {
      // A decision in one scope takes up to a thousand times as long.
      const measured = await run(ruleSet, isSpread ? options.count : Math.ceil(options.count / 20))
      // The first round warms up.
      if (round > 0) figures[index]?.push(measured)
    }
  }
  return ruleSets.map(({ size, isSpread }, index) => rowOf(nameOf(way, size, isSpread), inFlight, figures[index] ?? []))
}

async function inProcess(): Promise<Row[]> {
  return await measure('in process', 1, (ruleSet, count) =>
    closedLoop(count, 1, () => {
      decide(ruleSet, facts)
      return Promise.resolve()
    }),
  )
}

async function overGrpc(): Promise<Row[]> {
  const certificates = await CertificateFolder.open(folder, Date.now())
  const log = createLogger({ name: 'rules', level: 'silent' })
  const published: { newest: CompiledRuleSet | undefined; find: () => Promise<undefined> } = {
    newest: undefined,
    find: () => Promise.resolve(undefined),
  }
  const deps = { published, recorder: { offer: () => undefined } }
  const server = createServer({
    name: 'rules',
    listenAddress: 'localhost:0',
    tls: await certificates.issuePeer('rules', Date.now()),
    bindings: [
      bind(DecisionServiceService, {
        decide: (call, asked) => decidePayment(deps, call, asked),
        decideBatch: (call, asked) => decideBatch(deps, call, asked),
      }),
    ],
    reflection: false,
    drainDelayMs: 0,
    log,
    metrics: createMetrics('rules'),
  })
  await server.listen()
  const rules = { address: `localhost:${server.port}`, tls: await certificates.issuePeer('intent', Date.now()) }
  const client = createClient(DecisionServiceService, {
    ...rules,
    peer: 'rules',
    serviceConfig: 'proto/paymesh/rules/v1/rules_service_config.json',
  })
  const decisions = connectDecisions({ ...rules, metrics: createMetrics('intent'), queueMax: 4096 })
  const ways: Record<string, () => Promise<unknown>> = {
    gRPC: () => client.decide(request),
    'gRPC, coalesced': () => decisions.ask(request),
  }
  const rows: Row[] = []
  for (const inFlight of options.inFlight) {
    for (const [way, ask] of Object.entries(ways)) {
      const measured = await measure(way, inFlight, (ruleSet, count) => {
        published.newest = ruleSet
        return closedLoop(count, inFlight, async () => {
          await ask()
        })
      })
      rows.push(...measured)
    }
  }
  for (const connection of [client, decisions]) connection.close()
  await server.drain()
  return rows
}

function ratios(rows: readonly Row[]): Record<string, number> {
  const speed = (name: string) => rows.find((row) => row.case === name)?.perSecond
  return Object.fromEntries(
    ['in process', 'gRPC', 'gRPC, coalesced'].flatMap((way) => {
      const [one, many] = [speed(nameOf(way, 1, true)), speed(nameOf(way, 1000, true))]
      return one === undefined || many === undefined ? [] : [[`${way}: 1 rule ÷ 1,000 spread`, one / many]]
    }),
  )
}
