import { status } from '@grpc/grpc-js'
import { type Call, callerName } from '../../runtime/call.js'
import type { AuditedCall, CallAudit, NoteOutcome } from '../../runtime/call-audit.js'
import type { Clock } from '../../runtime/clock.js'
import type { Logger } from '../../runtime/logger.js'
import { Secret } from '../../runtime/secret.js'
import type { KeyedHash } from '../keyed-hash.js'
import type { AuditEntry } from './audit-record.js'
import type { AuditStore } from './audit-store.js'
import { whoCalls } from './audit-who.js'

/** What is written around an audited call. */
export interface AuditedCallsDeps {
  audit: Pick<AuditStore, 'append'>
  keyedHash: KeyedHash
  clock: Clock
  newId: () => string
  log: Logger
}

/**
 * Keeps audited calls as two records: that one begins, before its handler runs, and what became of it. The first must be
 * stored, or the call fails; docs/decisions/0013 says why. What was refused at the door is in the log alone.
 */
export function auditedCalls(deps: AuditedCallsDeps): CallAudit {
  const anchors = deps.log.child({ audit: true }, { level: 'info' })
  return {
    begin: async ({ method, call, request, requestBytes }: AuditedCall): Promise<NoteOutcome> => {
      const entry = {
        ...whoCalls(call),
        callId: deps.newId(),
        action: method,
        resource: resourceOf(request, call),
        // Keyed: a request may hold a name, an address or a code, which a plain hash would let anybody guess.
        requestDigest: deps.keyedHash.of(
          'audited_request',
          method,
          new Secret(Buffer.from(requestBytes).toString('hex')),
        ),
        details: '{}',
      } satisfies Partial<AuditEntry>
      const begun = { ...entry, kind: 'CALL_BEGUN', timeMs: deps.clock.nowMs(), code: '', reason: '' } as const
      await deps.audit.append(begun)
      return async (failure) => {
        const timeMs = deps.clock.nowMs()
        const code = status[failure?.code ?? status.OK]
        try {
          const { sequence, hash } = await deps.audit.append({
            ...entry,
            kind: 'CALL_ENDED',
            timeMs,
            code,
            reason: failure?.reason ?? '',
          })
          // Outside of the database, so that a chain that was made anew does not agree with the log.
          anchors.info({ auditSequence: Number(sequence), auditHash: hash.toString('hex') }, 'audit record')
        } catch (error) {
          call.log.error({ err: error, auditedCall: entry.callId }, 'what became of an audited call could not be kept')
        }
      }
    },
  }
}

// Ids of users and sessions are UUIDs. Whatever else is written there is the caller's own text, and could be anything.
const resource = /^([a-z][A-Za-z]{0,31}\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\/[a-z][A-Za-z]{0,31})?)$/

/** The name of what a request is about, when it looks like one; `users/me` as who that is. */
function resourceOf(request: unknown, call: Call): string {
  if (typeof request !== 'object' || request === null) return ''
  const names = ['name', 'user', 'parent'].flatMap((field) => {
    const value: unknown = Reflect.get(request, field)
    return typeof value === 'string' && value !== '' ? [value] : []
  })
  const [name = ''] = names
  const full = name.replace(/^users\/me(?=$|\/)/, callerName(call.caller))
  return resource.test(full) ? full : ''
}
