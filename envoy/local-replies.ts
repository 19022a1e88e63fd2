type Json = Record<string, unknown>

/** One error body for everything the edge itself answers: the JSON form of google.rpc.Status with one ErrorInfo. */
export function errorBody(code: number, reason: string, message: string): Json {
  return {
    code,
    message,
    details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'edge.paymesh' }],
  }
}

const CODE = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
}

/** Envoy's own text, for the answers in which it helps the caller. */
const ENVOY_TEXT = '%LOCAL_REPLY_BODY%'

/** Status to body. Fixed texts wherever Envoy's own would tell of the inside. */
const BY_STATUS: readonly (readonly [number, number, string, string])[] = [
  [400, CODE.invalidArgument, 'MALFORMED_REQUEST', 'The request is malformed.'],
  [401, CODE.unauthenticated, 'NOT_SIGNED_IN', ENVOY_TEXT],
  [403, CODE.permissionDenied, 'FORBIDDEN', 'The request is not allowed.'],
  [404, CODE.notFound, 'NO_SUCH_PATH', 'There is no such path, or not with this method.'],
  [408, CODE.deadlineExceeded, 'REQUEST_TOO_SLOW', 'The request did not arrive in time.'],
  [413, CODE.invalidArgument, 'BODY_TOO_LARGE', 'The request body is larger than 65536 bytes.'],
  [415, CODE.invalidArgument, 'UNSUPPORTED_MEDIA_TYPE', 'Send JSON: gRPC is spoken inside the mesh only.'],
  [426, CODE.invalidArgument, 'UPGRADE_REQUIRED', 'Use HTTP/1.1 or HTTP/2.'],
  [429, CODE.resourceExhausted, 'RATE_LIMITED', 'Too many requests; wait before the next.'],
  [431, CODE.invalidArgument, 'HEADERS_TOO_LARGE', 'The request headers are too large.'],
  [500, 13, 'EDGE_FAILED', 'The answer could not be passed on.'],
  [501, CODE.unimplemented, 'NOT_IMPLEMENTED', 'The method is not implemented.'],
  [502, CODE.unavailable, 'SERVICE_UNAVAILABLE', 'The service cannot be reached; try again.'],
  [503, CODE.unavailable, 'SERVICE_UNAVAILABLE', 'The service cannot be reached; try again.'],
  [
    504,
    CODE.deadlineExceeded,
    'DEADLINE_EXCEEDED',
    'The service did not answer in time; the same request may be sent again.',
  ],
]

/** The first mapper that matches wins. */
export function localReplies(): Json {
  const byStatus = BY_STATUS.map(([httpStatus, code, reason, message]) => ({
    filter: statusIs(httpStatus),
    body_format_override: { json_format: errorBody(code, reason, message) },
  }))
  return {
    mappers: [openApiDocument, healthy, signatureRefusal(), transcoderRefusal(), tokenOfAnother(), ...byStatus],
    body_format: { json_format: errorBody(2, 'EDGE_FAILED', 'The request could not be served.') },
  }
}

/** Where the edge answers its own document. */
export const OPENAPI_PATH = '/v1/openapi.json'

const openApiDocument = {
  filter: {
    and_filter: {
      filters: [
        statusIs(200),
        { header_filter: { header: { name: ':path', string_match: { prefix: OPENAPI_PATH } } } },
      ],
    },
  },
  body_format_override: {
    text_format_source: { inline_string: ENVOY_TEXT },
    content_type: 'application/json; charset=utf-8',
  },
}

/** `GET /healthz`. Beside the document the one local reply that is no error. */
const healthy = { filter: statusIs(200), body_format_override: { json_format: { status: 'serving' } } }

/** What Identity says of a signature is an error of this shape already. That it could not be asked is not: 503. */
function signatureRefusal(): Json {
  const byIdentity = { response_flag_filter: { flags: ['UAEX'] } }
  const body = { text_format_source: { inline_string: ENVOY_TEXT }, content_type: 'application/json' }
  return { filter: { and_filter: { filters: [byIdentity, statusIs(499, 'LE')] } }, body_format_override: body }
}

/** The transcoder names the field that is wrong; the HTTP layer's 400 has no text worth keeping. */
function transcoderRefusal(): Json {
  return {
    filter: { and_filter: { filters: [statusIs(400), detailsContain('grpc_json_transcode')] } },
    body_format_override: { json_format: errorBody(CODE.invalidArgument, 'MALFORMED_REQUEST', ENVOY_TEXT) },
  }
}

/** A token for another audience. Envoy says 403, and RFC 6750 (3.1) that whoever comes has to sign in here: 401. */
function tokenOfAnother(): Json {
  return {
    filter: { and_filter: { filters: [statusIs(403), detailsContain('jwt_authn')] } },
    status_code: 401,
    body_format_override: { json_format: errorBody(CODE.unauthenticated, 'NOT_SIGNED_IN', ENVOY_TEXT) },
  }
}

function detailsContain(text: string): Json {
  return {
    extension_filter: {
      name: 'envoy.access_loggers.extension_filters.cel',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
        expression: `response.code_details.contains('${text}')`,
      },
    },
  }
}

function statusIs(status: number, op: 'EQ' | 'LE' = 'EQ'): Json {
  return {
    status_code_filter: { comparison: { op, value: { default_value: status, runtime_key: `edge.reply_${status}` } } },
  }
}
