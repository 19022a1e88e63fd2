import { z } from 'zod'
import { logLevels, type LogLevel } from './logger.js'
import type { TlsFiles } from './mesh-credentials.js'

/** Exit code of a process whose configuration is wrong (EX_CONFIG of sysexits.h): restarting it will not help. */
export const configExitCode = 78

const address = z.string().regex(/^.+:\d{1,5}$/, 'must be host:port')
const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number)

// With the 15 s that a drain waits for calls it must end before `runService` gives up, after 25 s.
const drainDelayMsMax = 8_000

/** The variables that every service reads; spread into a service's own `z.object`. */
export const serviceEnvironment = {
  ENVIRONMENT: z.enum(['development', 'production']),
  LISTEN_ADDRESS: address,
  ADMIN_ADDRESS: address,
  TLS_CERT_FILE: z.string(),
  TLS_KEY_FILE: z.string(),
  TLS_CA_FILE: z.string(),
  LOG_LEVEL: z.enum(logLevels).default('info'),
  /** How long to answer NOT_SERVING before refusing calls, so that health checks notice; 1.5 of their intervals. */
  DRAIN_DELAY_MS: wholeNumber.refine((ms) => ms <= drainDelayMsMax, `must be at most ${drainDelayMsMax}`).default(0),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
}

/** The variables of a service with a database. */
export const databaseEnvironment = {
  DATABASE_URL: z.string(),
  DATABASE_POOL_MAX: wholeNumber.refine((count) => count >= 1, 'must be at least 1').default(10),
}

/** The variable of a service that holds in Valkey what may be lost. */
export const valkeyEnvironment = {
  VALKEY_URL: z.url({ protocol: /^rediss?$/ }),
}

/** The three PEM files named by the shared variables. */
export function tlsFiles(config: { TLS_CERT_FILE: string; TLS_KEY_FILE: string; TLS_CA_FILE: string }): TlsFiles {
  return { certFile: config.TLS_CERT_FILE, keyFile: config.TLS_KEY_FILE, caFile: config.TLS_CA_FILE }
}

/** What an environment holds: a frozen configuration, or one sentence that names every variable at fault. */
export type CheckedConfig<T> = { ok: true; config: Readonly<T> } | { ok: false; problem: string }

/** Parses an environment. An empty variable counts as missing. The sentence never repeats a value: it may be a secret. */
export function checkConfig<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): CheckedConfig<T> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = schema.safeParse(given)
  if (parsed.success) return { ok: true, config: Object.freeze(parsed.data) }
  const faults = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.')
    return name in given ? `${name} is wrong (${issue.message})` : `${name} is missing`
  })
  return { ok: false, problem: `The configuration cannot be used: ${faults.join('; ')}.` }
}

/** The frozen configuration; on failure prints the sentence of `checkConfig` and ends the process with code 78. */
export function parseConfig<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): Readonly<T> {
  const checked = checkConfig(schema, env)
  if (checked.ok) return checked.config
  process.stderr.write(`${checked.problem}\n`)
  process.exit(configExitCode)
}

/** The process's own environment, for what the shared code parses by itself. */
export function processVariables(): NodeJS.ProcessEnv {
  return process.env
}

/** What the process frame needs before the service parses its own variables; a wrong level is reported there. */
export function processEnvironment(): { logLevel: LogLevel; otlpEndpoint: string | undefined } {
  const { LOG_LEVEL, OTEL_EXPORTER_OTLP_ENDPOINT } = processVariables()
  const logLevel = logLevels.find((known) => known === LOG_LEVEL) ?? 'info'
  // Empty counts as missing, as in checkConfig.
  return { logLevel, otlpEndpoint: OTEL_EXPORTER_OTLP_ENDPOINT === '' ? undefined : OTEL_EXPORTER_OTLP_ENDPOINT }
}
