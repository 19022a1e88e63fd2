// Names of hosts to addresses, without the operating system's resolver: it works in four threads that the whole process
// shares, and the names of a few dead hosts would hold them all.
import { type Address } from './webhook-sender.js'

/** What is asked: a `Resolver` of `node:dns/promises` with a timeout. */
export interface NameServers {
  resolve4(hostname: string): Promise<string[]>
  resolve6(hostname: string): Promise<string[]>
}

/** All addresses of a host, IPv4 first, for not every network carries IPv6; none when it has none. */
export async function resolveHost(servers: NameServers, hostname: string): Promise<Address[]> {
  // By RFC 6761 never asked of a name server.
  if (hostname === 'localhost') return [{ address: '127.0.0.1' }]
  const [v4, v6] = await Promise.allSettled([servers.resolve4(hostname), servers.resolve6(hostname)])
  return [v4, v6].flatMap((found) => (found.status === 'fulfilled' ? found.value : [])).map((address) => ({ address }))
}
