import { type InnerList, isInnerList, type Parameters, parseDictionary, serializeInnerList } from 'structured-headers'

/** What a request says of its signature (RFC 9421), in a form that can be verified. Nothing of it is believed yet. */
export interface SignatureInput {
  /** The names of the covered components, each once, in their order. */
  readonly components: readonly string[]
  /** The covered components and the parameters as they are signed, as the last line of the signature base has them. */
  readonly signatureParams: string
  readonly keyId: string
  readonly nonce: string
  /** Seconds since the epoch. */
  readonly created: number
  /** Seconds since the epoch; undefined when the signature does not say. */
  readonly expires: number | undefined
  /** Undefined when the signature leaves it to the key. */
  readonly algorithm: string | undefined
  readonly signature: Buffer
}

/** What could be read, or a problem in words for the client: what it says, it said itself. */
export type Reading<T> = { readonly value: T } | { readonly problem: string }

/** Thrown and caught in this file alone: where reading ends. */
class Unreadable extends Error {}

const componentsMax = 32
// A derived component that is known, or a header; anything else, and any parameter, would change what is signed.
const componentPattern = /^(?:@method|@path|@query|[a-z0-9][a-z0-9-]{0,63})$/
const noncePattern = /^[\x20-\x7e]{16,64}$/
const keyIdLengthMax = 256

/** Reads the headers `signature-input` and `signature`, which must hold one signature, under any label. */
export function readSignature(inputHeader: string, signatureHeader: string): Reading<SignatureInput> {
  try {
    return { value: read(inputHeader, signatureHeader) }
  } catch (error) {
    if (error instanceof Unreadable) return { problem: error.message }
    throw error
  }
}

function read(inputHeader: string, signatureHeader: string): SignatureInput {
  const [label, input] = onlyMember('signature-input', inputHeader)
  const [sameLabel, item] = onlyMember('signature', signatureHeader)
  if (label !== sameLabel) throw new Unreadable('signature-input and signature must name the same member')
  if (!isInnerList(input)) throw new Unreadable('signature-input must list what is covered, in parentheses')
  const [signature] = item
  if (!(signature instanceof ArrayBuffer)) throw new Unreadable('signature must be bytes: base64 between colons')
  const [, parameters] = input
  return {
    components: componentsOf(input),
    signatureParams: serializeInnerList(input),
    keyId: text(parameters, 'keyid', (value) => value !== '' && value.length <= keyIdLengthMax, 'must name a key'),
    nonce: text(parameters, 'nonce', (value) => noncePattern.test(value), 'must be 16 to 64 characters'),
    created: required('created', seconds(parameters, 'created')),
    expires: seconds(parameters, 'expires'),
    algorithm: parameters.has('alg')
      ? text(parameters, 'alg', (value) => value !== '', 'must name an algorithm')
      : undefined,
    signature: Buffer.from(signature),
  }
}

function onlyMember(header: string, value: string) {
  const members = [...dictionaryOf(header, value)]
  const [only] = members
  if (only === undefined || members.length > 1) throw new Unreadable(`${header} must have exactly one member`)
  return only
}

function dictionaryOf(header: string, value: string) {
  try {
    return parseDictionary(value)
  } catch {
    throw new Unreadable(`${header} is not a dictionary of RFC 9651`)
  }
}

function componentsOf([items]: InnerList): string[] {
  if (items.length > componentsMax) throw new Unreadable(`at most ${componentsMax} components can be covered`)
  const names = items.map(([name, parameters]) => {
    if (typeof name !== 'string' || parameters.size > 0 || !componentPattern.test(name)) {
      throw new Unreadable(
        'what is covered must be "@method", "@path", "@query" or headers in lower case, without parameters',
      )
    }
    return name
  })
  if (new Set(names).size < names.length) throw new Unreadable('each component can be covered once')
  return names
}

function text(parameters: Parameters, name: string, isGood: (value: string) => boolean, problem: string): string {
  const value = required<unknown>(name, parameters.get(name))
  if (typeof value !== 'string' || !isGood(value)) throw new Unreadable(`the parameter ${name} ${problem}`)
  return value
}

function seconds(parameters: Parameters, name: string): number | undefined {
  const value: unknown = parameters.get(name)
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw new Unreadable(`the parameter ${name} must be a whole number of seconds`)
}

function required<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw new Unreadable(`the parameter ${name} is missing`)
  return value
}
