// ILP addresses (RFC 15): an allocation scheme and one or more segments of letters, digits, `_`, `~` and `-`.

export const addressLengthMax = 1023

const addressPattern = /^(?:g|private|example|peer|self|test[1-3]?|local)(?:\.[a-zA-Z0-9_~-]+)+$/

export function isAddress(text: string): boolean {
  return text.length <= addressLengthMax && addressPattern.test(text)
}
