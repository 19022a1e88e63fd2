// `npm run replay`: the Ledger's replay with what it needs. Where DATABASE_URL, TLS_FOLDER or TIGERBEETLE_ADDRESSES is not
// set, a PostgreSQL, certificates or TigerBeetle clusters are made for the run and removed after it.
import { dirname } from 'node:path'
import { configExitCode } from '../services/runtime/config.js'
import { replayCommand, type StartCluster } from '../services/ledger/replay/replay-command.js'
import { LaunchError } from './launch-error.js'
import { stopTestRun, testCertificates, testServerUrl, testTigerBeetle } from './testing.js'
import { tigerBeetleBinary } from './tigerbeetle.js'

/** What starts clusters. Fails with a LaunchError where there is no program for it and no cluster is given either. */
function clusterStarter(): StartCluster | undefined {
  try {
    tigerBeetleBinary(process.env)
  } catch (error) {
    if ((process.env['TIGERBEETLE_ADDRESSES'] ?? '') !== '') return undefined
    throw error
  }
  return async () => {
    const cluster = await testTigerBeetle()
    return { clusterId: 0n, addresses: [cluster.address], stop: () => cluster.stop() }
  }
}

async function replay(args: readonly string[]): Promise<number> {
  const startCluster = args.includes('tigerbeetle') ? clusterStarter() : undefined
  if (args.includes('postgres')) process.env['DATABASE_URL'] ??= await testServerUrl()
  if (args.includes('--grpc')) process.env['TLS_FOLDER'] ??= dirname((await testCertificates()).of('ledger').certFile)
  return await replayCommand(args, startCluster)
}

try {
  process.exitCode = await replay(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof LaunchError)) throw error
  console.error(error.message)
  process.exitCode = configExitCode
} finally {
  await stopTestRun()
}
