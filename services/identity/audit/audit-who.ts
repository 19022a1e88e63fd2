import { type Call, callerName } from '../../runtime/call.js'
import type { AuditWho } from './audit-record.js'

/** Who calls, for records. */
export function whoCalls(call: Call): AuditWho {
  const { caller, trace } = call
  const subject = callerName(caller)
  const session = caller.kind === 'subject' ? caller.subject.session : ''
  return { subject, actor: subject, peer: caller.peer, session, traceId: trace.traceId }
}

/** Who acts when nobody called: the service itself, or an operator by a command in a shell. */
export function whoInside(peer: 'identity' | 'command'): AuditWho {
  const subject = peer === 'identity' ? 'peers/identity' : 'peers/operator'
  return { subject, actor: subject, peer, session: '', traceId: '' }
}
