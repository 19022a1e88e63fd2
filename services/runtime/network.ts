import { BlockList, isIP } from 'node:net'

/** A network, such as 10.0.0.0/8. */
export interface Network {
  readonly address: string
  readonly prefix: number
}

/** "10.1.0.0/16" as a network; undefined for anything else. */
export function networkFrom(text: string): Network | undefined {
  const [, address = '', prefix = ''] = /^([0-9a-fA-F.:]{1,45})\/(\d{1,3})$/.exec(text) ?? []
  const version = isIP(address)
  return version !== 0 && Number(prefix) <= (version === 4 ? 32 : 128) ? { address, prefix: Number(prefix) } : undefined
}

/** The networks as one list, which an address of either family can be looked up in. */
export function networkList(networks: readonly Network[]): BlockList {
  const list = new BlockList()
  for (const { address, prefix } of networks) list.addSubnet(address, prefix, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  return list
}
