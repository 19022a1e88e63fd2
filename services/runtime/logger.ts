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
// Where PostgreSQL repeats the values of the row that it refused.
const databaseErrorPaths = ['detail', 'where', 'internalQuery'].flatMap((key) => [`err.${key}`, `err.*.${key}`])

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
    redact: { paths: [...secretPaths, ...databaseErrorPaths], censor: '[redacted]' },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}
