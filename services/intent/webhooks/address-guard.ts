// Which addresses this service may connect to on somebody else's word. Whoever names a URL must not reach with it what
// only this machine's network can: other services, a cloud's metadata, this machine itself.
import { type BlockList, isIP } from 'node:net'
import { type Network, networkList } from '../../runtime/network.js'

// IANA's special-purpose registry of IPv4, multicast and what is reserved.
// https://www.iana.org/assignments/iana-ipv4-special-registry
const specialV4: readonly Network[] = [
  { address: '0.0.0.0', prefix: 8 },
  { address: '10.0.0.0', prefix: 8 },
  { address: '100.64.0.0', prefix: 10 },
  { address: '127.0.0.0', prefix: 8 },
  { address: '169.254.0.0', prefix: 16 },
  { address: '172.16.0.0', prefix: 12 },
  { address: '192.0.0.0', prefix: 24 },
  { address: '192.0.2.0', prefix: 24 },
  { address: '192.31.196.0', prefix: 24 },
  { address: '192.52.193.0', prefix: 24 },
  { address: '192.88.99.0', prefix: 24 },
  { address: '192.168.0.0', prefix: 16 },
  { address: '192.175.48.0', prefix: 24 },
  { address: '198.18.0.0', prefix: 15 },
  { address: '198.51.100.0', prefix: 24 },
  { address: '203.0.113.0', prefix: 24 },
  { address: '224.0.0.0', prefix: 4 },
  { address: '240.0.0.0', prefix: 4 },
]

// Of IPv6 only what is global unicast is public: loopback, link-local, unique local and IPv4 in IPv6 lie outside.
const globalV6: Network = { address: '2000::', prefix: 3 }
// Of that, what leads elsewhere: protocol assignments with Teredo, documentation, 6to4, which carries an IPv4 address.
// https://www.iana.org/assignments/iana-ipv6-special-registry
const specialV6: readonly Network[] = [
  { address: '2001::', prefix: 23 },
  { address: '2001:db8::', prefix: 32 },
  { address: '2002::', prefix: 16 },
  { address: '2620:4f:8000::', prefix: 48 },
  { address: '3fff::', prefix: 20 },
]

export class AddressGuard {
  readonly #allowed: BlockList
  readonly #special = networkList([...specialV4, ...specialV6])
  readonly #global = networkList([globalV6])

  /** Networks that may be reached although they are not public. */
  constructor(allowed: readonly Network[]) {
    this.#allowed = networkList(allowed)
  }

  /** Whether the address, of either family, is public or allowed. */
  permits(address: string): boolean {
    const version = isIP(address)
    // A zone names a link of this machine.
    if (version === 0 || address.includes('%')) return false
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (this.#allowed.check(address, family)) return true
    if (this.#special.check(address, family)) return false
    return version === 4 || this.#global.check(address, family)
  }
}
