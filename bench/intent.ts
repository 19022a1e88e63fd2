// P2P payments to completion (SETTLED and readable) with fees and a daily limit: through the edge as JSON, and directly over gRPC.
//
// npm run bench:intent -- [--count N] [--in-flight 1,16,64] [--runs N] [--json]
import { randomUUID } from 'node:crypto'
import { closedLoop } from './load.js'
import { benchMesh, type Person } from './bench-mesh.js'
import { benchOptions } from './options.js'
import { amountMinor, payDirectly, people, personAt } from './payments.js'
import { type Figures, type Row, machine, print, rowOf } from './report.js'

type Pay = (payer: Person, payee: Person) => Promise<void>

const options = benchOptions(process.argv.slice(2), { count: 4000, inFlight: [1, 16, 64], runs: 3 })
const mesh = await benchMesh(people, 10_000_000_00n)
try {
  const ways: Record<string, Pay> = {
    'direct gRPC': (payer, payee) => payDirectly(mesh, payer, payee),
    'through the edge': payThroughTheEdge,
  }
  for (const pay of Object.values(ways)) await run(pay, 1000, 16)
  const rows: Row[] = []
  for (const inFlight of options.inFlight) {
    const figures = new Map<string, Figures[]>(Object.keys(ways).map((way) => [way, []]))
    for (let round = 0; round < options.runs; round++) {
      for (const [way, pay] of Object.entries(ways)) {
        const count = inFlight === 1 ? Math.ceil(options.count / 8) : options.count
        figures.get(way)?.push(await run(pay, count, inFlight))
      }
    }
    for (const [way, runs] of figures) rows.push(rowOf(way, inFlight, runs))
  }
  print({ bench: 'bench:intent', machine: machine(), rows, ratios: ratios(rows) }, options.json)
} finally {
  await mesh.stop()
}

function run(pay: Pay, count: number, inFlight: number): Promise<Figures> {
  return closedLoop(count, inFlight, (index) => pay(...personAt(mesh, index)))
}

async function payThroughTheEdge(payer: Person, payee: Person): Promise<void> {
  const intent = {
    operationType: 'P2P_TRANSFER',
    payer: { wallet: payer.wallet },
    payee: { wallet: payee.wallet },
    amount: { assetCode: 'THB', minorUnits: String(amountMinor) },
  }
  const text = await mesh.call(payer, 'POST', '/v1/intents', JSON.stringify({ requestId: randomUUID(), intent }))
  if (!text.includes('"INTENT_STATE_SETTLED"')) throw new Error(`a payment ended otherwise: ${text}`)
}

function ratios(rows: readonly Row[]): Record<string, number> {
  return Object.fromEntries(
    options.inFlight.flatMap((inFlight) => {
      const [direct, edge] = rows.filter((row) => row.inFlight === inFlight)
      if (direct === undefined || edge === undefined) return []
      return [[`payments/s, edge ÷ direct, at ${inFlight} in flight`, edge.perSecond / direct.perSecond]]
    }),
  )
}
