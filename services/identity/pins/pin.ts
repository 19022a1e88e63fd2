import { Secret } from '../../runtime/secret.js'
import type { KeyedHash } from '../keyed-hash.js'
import type { Parsed } from '../parsed.js'

/** What is wrong with the text as a PIN that is given, or the PIN. */
export function parseGivenPin(text: string): Parsed<Secret> {
  if (text === '') return { problem: 'is required' }
  return /^[0-9]{6}$/.test(text) ? { value: new Secret(text, 'PIN') } : { problem: 'must be six digits' }
}

/** The same for a PIN to be set, which must not be one that many would choose: those are what is tried first. */
export function parseNewPin(text: string): Parsed<Secret> {
  const parsed = parseGivenPin(text)
  if ('problem' in parsed || !isTrivial(text)) return parsed
  return { problem: 'must not be easy to guess' }
}

function isTrivial(pin: string): boolean {
  const digits = Array.from(pin, Number)
  const steps = new Set(digits.slice(1).map((digit, index) => (digit - (digits[index] ?? 0) + 10) % 10))
  // One digit, or a row up or down, past nine as well.
  if (steps.size === 1) return true
  const [pairs, halves] = [pin.match(/../g) ?? [], [pin.slice(0, 3), pin.slice(3)]]
  return new Set(pairs).size === 1 || new Set(halves).size === 1 || /^(\d)\1(\d)\2(\d)\3$/.test(pin)
}

/**
 * What is hashed slowly for a PIN. Under a key first: who has the table alone would try a million PINs in a few hours, whatever
 * each costs.
 */
export function pinMaterial(hash: KeyedHash, userId: string, pin: Secret): { secret: Secret; salt: Buffer } {
  return {
    secret: new Secret(hash.of('pin', userId, pin).toString('hex'), 'PIN'),
    salt: hash.of('pin_salt', userId).subarray(0, 16),
  }
}
