import { processEnvironment } from './config.js'
import { createLogger, type Logger } from './logger.js'
import { createMetrics, type Metrics } from './metrics.js'
import type { PeerName } from './peer-identity.js'
import { startTracing } from './tracing.js'

/** What a service's `start` is given. */
export interface ProcessParts {
  log: Logger
  metrics: Metrics
}

/** What a service's `start` answers: how to stop it. Drain first, then loops, then pools. */
export interface RunningService {
  stop(): Promise<void>
}

// Kubernetes kills after 30 s; stopping by ourselves before that leaves a record of what hung.
const stopTimeoutMs = 25_000

/**
 * The frame of a service process. Starts it; on SIGTERM or SIGINT stops it and exits 0, or 1 when stopping fails or takes
 * longer than 25 s; a second signal exits at once. An error that nobody handled is logged and exits 1: a
 * process in an unknown state must not go on moving money.
 */
export function runService(name: PeerName, start: (parts: ProcessParts) => Promise<RunningService>): void {
  const { logLevel, otlpEndpoint } = processEnvironment()
  const log = createLogger({ name, level: logLevel })
  const fail = (message: string) => (error: unknown) => {
    log.fatal({ err: error }, message)
    exit(1)
  }
  process.on('uncaughtException', fail('an error was not handled'))
  process.on('unhandledRejection', fail('a rejection was not handled'))
  void run()

  async function run(): Promise<void> {
    try {
      const signal = firstSignal(log)
      const stopTracing = otlpEndpoint === undefined ? undefined : await startTracing(name, otlpEndpoint)
      const service = await start({ log, metrics: createMetrics(name) })
      log.info('started')
      log.info({ signal: await signal }, 'stopping')
      const timer = setTimeout(() => {
        fail('stopping took too long')(undefined)
      }, stopTimeoutMs)
      await service.stop()
      await stopTracing?.()
      clearTimeout(timer)
      log.info('stopped')
      exit(0)
    } catch (error) {
      fail('the service could not start or stop')(error)
    }
  }
}

function firstSignal(log: Logger): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let seen = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (seen) {
          log.warn({ signal }, 'told twice, exiting at once')
          process.exit(1)
        }
        seen = true
        resolve(signal)
      })
    }
  })
}

// Standard output may be a pipe whose reader is slow; the last records leave before the process does.
function exit(code: number): void {
  process.stdout.write('', () => process.exit(code))
}
