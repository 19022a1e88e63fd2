/** The parts of 'host:port'. The host may be an IPv6 address in brackets. Throws TypeError on anything else. */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(address)
  const [, host, port] = match ?? []
  if (host === undefined || port === undefined || Number(port) > 65_535) {
    throw new TypeError(`"${address}" is not host:port.`)
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}
