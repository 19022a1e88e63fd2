import { writeFileSync } from 'node:fs'
import { Peer } from '../gen/paymesh/access/v1/access.js'
import { contractMethods, type ContractMethod } from '../envoy/public-methods.js'
import { assetPath } from '../services/runtime/assets.js'

/** Prints docs/contracts.md from the contracts: every RPC, its path at the edge, and who may call it. */
export function contractsPage(): string {
  const methods = contractMethods()
  const services = [...new Set(methods.map(({ service }) => service))].sort()
  return [
    '# Contracts',
    '',
    'Printed from `proto/` by `make gen`; edit the protos, not this page.',
    '',
    '- **Peers** are the workloads of the mesh that may call, proven by the SPIFFE id in their certificate.',
    '- **Permission** is asked of users and machine clients, who come through the edge. *Signed in*: any user. *Anybody*: no token.',
    '- Whose resource a call touches is checked by the service itself, on the decoded request.',
    '- *Audited* calls leave an audit record each.',
    '',
    ...services.flatMap((service) =>
      section(
        service,
        methods.filter((method) => method.service === service),
      ),
    ),
  ].join('\n')
}

const section = (service: string, methods: readonly ContractMethod[]): string[] => [
  `## ${service}`,
  '',
  '| RPC | at the edge | peers | permission | audited |',
  '| --- | --- | --- | --- | --- |',
  ...methods.map(row),
  '',
]

function row({ method, http, access, serverStreaming }: ContractMethod): string {
  const path = http === undefined ? 'not reachable' : `\`${http.verb} ${http.path}\`${serverStreaming ? ' (SSE)' : ''}`
  const peers = access.peers.map(peerName).join(', ')
  return `| ${method} | ${path} | ${peers} | ${permission(http !== undefined, access)} | ${access.audited ? 'yes' : ''} |`
}

const PEER_NAMES = new Map<number, string>(Object.entries(Peer).map(([name, number]) => [number, name.toLowerCase()]))

const peerName = (peer: number): string => PEER_NAMES.get(peer) ?? String(peer)

function permission(reachable: boolean, access: ContractMethod['access']): string {
  if (!reachable) return ''
  if (access.signed) return 'signature'
  if (access.public) return 'anybody'
  return access.permission === '' ? 'signed in' : `\`${access.permission}\``
}

export const contractsPagePath = (): string => assetPath('docs/contracts.md')

if (process.argv[1] === import.meta.filename) {
  writeFileSync(contractsPagePath(), contractsPage())
}
