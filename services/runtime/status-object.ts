import { Metadata, type StatusObject } from '@grpc/grpc-js'
import type { RpcError } from './rpc-error.js'
import { encodeStatusDetails, messageLengthMax, statusDetailsHeader } from './status-details.js'

/** An RpcError as the status that grpc-js sends. */
export function statusObject(error: RpcError): StatusObject {
  const metadata = new Metadata()
  metadata.set(statusDetailsHeader, encodeStatusDetails(error))
  return { code: error.code, details: headerText(error.message), metadata }
}

// grpc-js escapes the text by encodeURI, which throws on half a surrogate pair and would take the process with it. A
// round through UTF-8 replaces such halves, also the one that cutting to length may leave.
function headerText(message: string): string {
  return Buffer.from(message.slice(0, messageLengthMax)).toString()
}
