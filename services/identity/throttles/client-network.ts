import { isIPv4, isIPv6 } from 'node:net'
import type { Call } from '../../runtime/call.js'

/** Where the edge says from which address a request came. It strips what clients put there. */
export const clientAddressHeader = 'x-paymesh-client-address'

/**
 * From which network a call came: an IPv4 address, or the first 64 bits of an IPv6 one, since whoever has one of those has
 * them all. Undefined when the edge did not say.
 */
export function clientNetwork(call: Pick<Call, 'header'>): string | undefined {
  return networkOf(call.header(clientAddressHeader))
}

export function networkOf(address: string): string | undefined {
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return undefined
  const [plain = ''] = address.split('%')
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  // An IPv4 part at the end stands for two groups, and is in the second half.
  const groupCount = before.length + after.length + (plain.includes('.') ? 1 : 0)
  const groups = [...before, ...Array.from({ length: tail === undefined ? 0 : 8 - groupCount }, () => '0'), ...after]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
