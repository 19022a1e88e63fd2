type Json = Record<string, unknown>

const filterName = 'envoy.filters.http.ext_authz'

/** How long a request waits for Identity's word, at most; then it is refused. */
const CHECK_MS_MAX = 2_000

/**
 * Asks Identity whether a signed request may pass, with the bytes of the body as they came. On unless a route turns it off
 * (`noSignature`), so that a route which says nothing is closed. Stands behind the buffer, which keeps bodies small enough
 * to be passed on whole, and before what counts by client.
 */
export function signatureFilter(bodyBytesMax: number): Json {
  return {
    name: filterName,
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
      transport_api_version: 'V3',
      grpc_service: { envoy_grpc: { cluster_name: 'identity' }, timeout: `${CHECK_MS_MAX / 1000}s` },
      with_request_body: { max_request_bytes: bodyBytesMax, allow_partial_message: false, pack_as_bytes: true },
      failure_mode_allow: false,
      status_on_error: { code: 503 },
      // An answer that Envoy could not carry out to the letter is an error, too.
      validate_mutations: true,
    },
  }
}

/** What a route adds on which nobody signs. */
export function noSignature(): Json {
  return {
    [filterName]: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
      disabled: true,
    },
  }
}

/** Whether a request says that it is signed; whether it is, Identity finds out. */
export const SAYS_IT_IS_SIGNED: Json = { name: 'signature-input', present_match: true }

/** By which Identity tells the edge whose request it is, for limits. No service gets it. */
export const SUBJECT_HEADER = 'x-paymesh-subject'
