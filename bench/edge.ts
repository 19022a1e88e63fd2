// What the edge costs: the same read as JSON through Envoy and directly over gRPC, in turn.
//
// npm run bench:edge -- [--count N] [--in-flight 1,8] [--runs N] [--json]
import { type GetWalletResponse } from '../gen/paymesh/intent/v1/wallet_service.js'
import { answered, benchMesh } from './bench-mesh.js'
import { closedLoop } from './load.js'
import { benchOptions } from './options.js'
import { type Figures, type Row, machine, print, rowOf } from './report.js'

const options = benchOptions(process.argv.slice(2), { count: 3000, inFlight: [1, 8, 64], runs: 5 })
const mesh = await benchMesh(1, 1_00n)
try {
  const [reader] = mesh.people
  if (reader === undefined) throw new Error('nobody')
  const direct = async (): Promise<void> => {
    const deadline = Date.now() + 30_000
    await answered<GetWalletResponse>((done) =>
      mesh.wallets.getWallet({ name: reader.wallet }, reader.metadata, { deadline }, done),
    )
  }
  const edge = async (): Promise<void> => {
    await mesh.call(reader, 'GET', `/v1/${reader.wallet}`)
  }
  for (const read of [direct, edge]) await closedLoop(1000, 8, read)
  const rows: Row[] = []
  for (const inFlight of options.inFlight) {
    const directRuns: Figures[] = []
    const edgeRuns: Figures[] = []
    for (let round = 0; round < options.runs; round++) {
      directRuns.push(await closedLoop(options.count, inFlight, direct))
      edgeRuns.push(await closedLoop(options.count, inFlight, edge))
    }
    rows.push(
      rowOf('GetWallet, direct gRPC', inFlight, directRuns),
      rowOf('GetWallet, through the edge', inFlight, edgeRuns),
    )
  }
  print({ bench: 'bench:edge', machine: machine(), rows, ratios: overhead(rows) }, options.json)
} finally {
  await mesh.stop()
}

function overhead(rows: readonly Row[]): Record<string, number> {
  return Object.fromEntries(
    options.inFlight.flatMap((inFlight) => {
      const [direct, edge] = rows.filter((row) => row.inFlight === inFlight)
      if (direct === undefined || edge === undefined) return []
      return [
        [`p50 added by the edge at ${inFlight} in flight, ms`, edge.p50Ms - direct.p50Ms],
        [`p50 edge ÷ direct at ${inFlight} in flight`, edge.p50Ms / direct.p50Ms],
      ]
    }),
  )
}
