import { pino, type DestinationStream } from 'pino'

/** What code logs to: pino's interface. */
export type Logger = pino.Logger

/** The levels of LOG_LEVEL, most severe first. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

// Keys that hold secrets wherever they turn up, to the depth at which our records nest. Redaction is the second line:
// the first is that request bodies are never logged.
const secretKeys = [
  'password',
  'pin',
  'token',
  'accessToken',
  'refreshToken',
  'secret',
  'authorization',
  'cookie',
  'privateKey',
]
const secretPaths = secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`])

// How many causes a record follows; a longer chain is a loop or no help.
const causesMax = 5

/**
 * An error as a record. Only these members: libraries hang whole objects on their errors, such as PostgreSQL's `detail`
 * with the values of the row that it refused, or a broken connection with the statements that wait on it.
 */
function errorRecord(error: unknown, causesLeft = causesMax): unknown {
  if (!(error instanceof Error)) return { message: `something that is no Error was thrown: ${typeof error}` }
  const { name, message, stack, cause } = error
  const code = 'code' in error ? error.code : undefined
  return {
    type: name === 'error' ? error.constructor.name : name,
    message,
    stack,
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(error instanceof AggregateError &&
      causesLeft > 0 && { errors: error.errors.map((one) => errorRecord(one, 0)) }),
    ...(cause !== undefined && causesLeft > 0 && { cause: errorRecord(cause, causesLeft - 1) }),
  }
}

/** How to make a logger. */
export interface LoggerOptions {
  name: string
  level: LogLevel
  /** Where records go; standard output when absent. */
  destination?: DestinationStream
}

/** JSON records, one a line, with the time as ISO 8601 and errors under `err` with their causes. */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { service: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secretPaths, censor: '[redacted]' },
    serializers: { err: (error: unknown) => errorRecord(error) },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}
