/** A request as far as it can be signed. */
export interface SignedMessage {
  readonly method: string
  /** As it came, with the query. */
  readonly target: string
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * What was signed, as RFC 9421, 2.5 writes it: a line for each covered component, then the parameters. Or the name of a
 * component that the request does not have.
 */
export function signatureBase(
  message: SignedMessage,
  components: readonly string[],
  signatureParams: string,
): { base: string } | { missing: string } {
  const lines: string[] = []
  for (const name of components) {
    const value = componentValue(message, name)
    if (value === undefined) return { missing: name }
    lines.push(`"${name}": ${value}\n`)
  }
  return { base: `${lines.join('')}"@signature-params": ${signatureParams}` }
}

function componentValue({ method, target, headers }: SignedMessage, name: string): string | undefined {
  const queryAt = target.indexOf('?')
  switch (name) {
    case '@method':
      return method
    case '@path':
      return queryAt < 0 ? target : target.slice(0, queryAt)
    case '@query':
      // 2.2.7: a request without a query signs the question mark alone.
      return queryAt < 0 ? '?' : target.slice(queryAt)
    default:
      return Object.hasOwn(headers, name) ? headers[name]?.trim() : undefined
  }
}
