import { uuidV5ToUint128 } from '../../runtime/ids.js'
import { uuidText } from '../postgres-engine/text.js'
import { type Check, type CheckPage, estimatedRows, type Finding } from './check.js'

const PAGE = 1000

// A name without an account in the engine is one whose creation was interrupted; there is nothing to agree with yet.
const NAMES = `
  select n.name, n.id, n.asset_code, s.ledger::text as asset_ledger, n.kind, a.ledger::text, a.code
  from (select * from named_accounts where name > $1 order by name limit ${PAGE}) n
  join assets s on s.code = n.asset_code
  left join accounts a on a.id = n.id
  order by n.name`

interface NameFactsRow {
  readonly name: string
  readonly id: string
  readonly asset_code: string
  readonly asset_ledger: string
  readonly kind: number
  readonly ledger: string | null
  readonly code: number | null
}

/** Names are compared with their accounts, and with what the namespace derives from them. */
export function nameCheck(namespace: string): Check {
  return {
    phase: 'NAMES',
    total: (read) => estimatedRows(read, 'named_accounts'),
    page: async (read, _bound, position): Promise<CheckPage> => {
      const rows = await read<NameFactsRow>(NAMES, [position])
      const next = rows.length < PAGE ? undefined : rows.at(-1)?.name
      return { findings: rows.flatMap((row) => nameFindings(namespace, row)), checkedCount: rows.length, next }
    },
  }
}

function nameFindings(namespace: string, row: NameFactsRow): Finding[] {
  const findings: Finding[] = []
  const same = (expected: string, found: string) => {
    if (expected !== found) findings.push({ kind: 'METADATA_DIFFERS', subject: row.name, expected, found })
  }
  same(`id ${uuidText(uuidV5ToUint128(namespace, row.name))}`, `id ${row.id.replaceAll('-', '')}`)
  if (row.ledger === null) return findings
  same(`ledger ${row.asset_ledger} of ${row.asset_code}`, `ledger ${row.ledger} of ${row.asset_code}`)
  same(`kind ${row.kind}`, `kind ${row.code}`)
  return findings
}
