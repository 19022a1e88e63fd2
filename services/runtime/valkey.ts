// Connections to Valkey, which holds only what may be lost.
import { Redis } from 'ioredis'
import { type Logger } from './logger.js'

// A command that Valkey does not answer in this time fails; what it was for is done again later or by other means.
const commandTimeoutMs = 2_000
const reconnectDelayMsMax = 2_000

/**
 * A connection that comes back by itself, and fails commands at once while it is away: nothing piles up in memory for a
 * Valkey that may never return.
 */
export function connectValkey(url: string, name: string, log: Logger, commandMsMax: number = commandTimeoutMs): Redis {
  const valkey = new Redis(url, {
    connectionName: name,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandMsMax,
    connectTimeout: commandTimeoutMs,
    retryStrategy: (attempt) => Math.min(reconnectDelayMsMax, 50 * attempt),
  })
  let isUp = true
  valkey.on('error', (error: Error) => {
    // One record an outage, not one an attempt.
    if (isUp) log.warn({ err: error, connection: name }, 'Valkey cannot be reached')
    isUp = false
  })
  valkey.on('ready', () => {
    isUp = true
  })
  return valkey
}
