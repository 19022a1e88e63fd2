import type { Call } from './call.js'
import type { RpcError } from './rpc-error.js'

/** A call of an audited method that was admitted. */
export interface AuditedCall {
  /** 'RoleService/GrantRole' */
  readonly method: string
  readonly call: Call
  /** The message, for the name of what it is about; nothing else of it may be kept. */
  readonly request: unknown
  /** The message's bytes, for a digest. */
  readonly requestBytes: Uint8Array
}

/** Notes what became of a call; undefined: it worked. Never rejects: what was done is done and is answered. */
export type NoteOutcome = (failure: RpcError | undefined) => Promise<void>

/** Where a service keeps evidence of calls of audited methods, beside the log. */
export interface CallAudit {
  /**
   * Resolves once it is stored that the call begins. When it rejects the handler does not run: what nobody could prove
   * afterwards is not done.
   */
  begin(audited: AuditedCall): Promise<NoteOutcome>
}
