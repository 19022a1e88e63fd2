// Publishes a rule set from a file: node dist/services/rules/publish.js FILE [--author A] [--reason R]
// Exit codes: 0 published or already in force, 1 refused or failed, 64 called wrongly (EX_USAGE).
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createPool } from '../runtime/postgres.js'
import { readDatabaseUrl } from './config.js'
import { publishRuleSet } from './publication.js'
import { RuleSetInvalidError } from './rule-set.js'

const usage = 'Usage: publish.js FILE [--author AUTHOR] [--reason REASON]'

interface Arguments {
  file: string
  author: string
  reason: string
}

function readArguments(): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { author: { type: 'string' }, reason: { type: 'string' } },
    })
    const [file, ...others] = positionals
    if (file === undefined || others.length > 0) return undefined
    return { file, author: values.author ?? 'operator', reason: values.reason ?? `Published from ${file}.` }
  } catch {
    return undefined
  }
}

async function readDocument(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new RuleSetInvalidError([error instanceof Error ? error.message : String(error)])
  }
}

async function publish({ file, author, reason }: Arguments): Promise<void> {
  const pool = createPool({ url: readDatabaseUrl(), max: 1, applicationName: 'rules publish' })
  try {
    const { version, isNew } = await publishRuleSet(pool, { document: await readDocument(file), author, reason })
    console.log(isNew ? `Published version ${version}.` : `Version ${version} already says this; nothing to publish.`)
  } catch (error) {
    if (!(error instanceof RuleSetInvalidError)) throw error
    console.error(`${file} cannot be published:`)
    for (const problem of error.problems) console.error(`  ${problem}`)
    process.exitCode = 1
  } finally {
    await pool.end()
  }
}

const given = readArguments()
if (given === undefined) {
  console.error(usage)
  process.exitCode = 64
} else {
  await publish(given)
}
