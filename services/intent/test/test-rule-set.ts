import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testFolder } from '../../../dev/testing.js'
import { assetPath } from '../../runtime/assets.js'
import { runProgram } from './mesh-process.js'

/** The default rule set, a fee that small payments in points cannot bear, and a review for who asks for one. */
export async function testRuleSet(): Promise<object> {
  const text = await readFile(assetPath('services/rules/default-rule-set.json'), 'utf8')
  const { routes, fees } = JSON.parse(text) as { routes: object[]; fees: object[] }
  const fee = { id: 'points', operation_type: 'P2P_TRANSFER', assets: ['PTS'], phase: 'POST', flat_minor: '50' }
  const suspicious = { id: 'suspicious', condition: 'has(metadata.suspicious)', action: 'REVIEW', score: 500 }
  const risk = { rules: [{ ...suspicious, operation_types: ['P2P_TRANSFER'], reason: 'LOOKS_ODD' }] }
  return { routes, fees: [...fees, { ...fee, revenue_account: 'accounts/fees.{asset}' }], risk }
}

/** Publishes a rule set as an operator does, by the command. */
export async function publishRuleSet(databaseUrl: string, ruleSet: object): Promise<void> {
  const file = join(testFolder(), `rule-set-${randomUUID()}.json`)
  await writeFile(file, JSON.stringify(ruleSet))
  await runProgram('services/rules/publish.js', [file], { DATABASE_URL: databaseUrl })
}
