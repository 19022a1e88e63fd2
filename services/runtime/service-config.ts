import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { assetPath } from './assets.js'

const methodConfigSchema = z.object({
  name: z.array(z.object({ service: z.string(), method: z.string() })),
  timeout: z.string().regex(/^\d+(\.\d+)?s$/),
})
const serviceConfigSchema = z.object({ methodConfig: z.array(methodConfigSchema) })

/** A gRPC service config: what it says of time, and its text for the channel, which does the retries. */
export interface ServiceConfig {
  readonly json: string
  /** Timeouts by path, in milliseconds. */
  readonly timeoutsMs: ReadonlyMap<string, number>
}

/** Reads a service config, given by its path from the package root. Throws when it does not have the form. */
export function readServiceConfig(path: string): ServiceConfig {
  const json = readFileSync(assetPath(path), 'utf8')
  const { methodConfig } = serviceConfigSchema.parse(JSON.parse(json))
  const timeoutsMs = new Map<string, number>()
  for (const { name, timeout } of methodConfig) {
    for (const { service, method } of name) {
      timeoutsMs.set(`/${service}/${method}`, Number.parseFloat(timeout) * 1000)
    }
  }
  return { json, timeoutsMs }
}
