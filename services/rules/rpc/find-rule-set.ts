import { rulesError } from '../errors.js'
import { type Draft, readDraft } from '../draft-store.js'
import { readVersion, type Version } from '../store.js'
import type { RuleSetDeps } from './rule-set-deps.js'
import { formatRuleSetName, type RuleSetName } from './rule-set-name.js'

/** A draft or a version, with its document. */
export type FoundRuleSet =
  { readonly kind: 'draft'; readonly draft: Draft } | { readonly kind: 'version'; readonly version: Version }

/** Fails with RULE_SET_NOT_FOUND. */
export async function findRuleSet({ pool }: Pick<RuleSetDeps, 'pool'>, name: RuleSetName): Promise<FoundRuleSet> {
  switch (name.kind) {
    case 'draft':
      return { kind: 'draft', draft: await findDraft({ pool }, name.id) }
    case 'version':
      return { kind: 'version', version: await findVersion({ pool }, name.version) }
  }
}

/** Fails with RULE_SET_NOT_FOUND. */
export async function findDraft({ pool }: Pick<RuleSetDeps, 'pool'>, id: string): Promise<Draft> {
  const draft = await readDraft(pool, id)
  if (draft === undefined) throw notFound({ kind: 'draft', id })
  return draft
}

/** Fails with RULE_SET_NOT_FOUND. */
export async function findVersion({ pool }: Pick<RuleSetDeps, 'pool'>, version: bigint): Promise<Version> {
  const found = await readVersion(pool, version)
  if (found === undefined) throw notFound({ kind: 'version', version })
  return found
}

export function documentOf(found: FoundRuleSet): unknown {
  return found.kind === 'draft' ? found.draft.document : found.version.document
}

function notFound(name: RuleSetName) {
  return rulesError('RULE_SET_NOT_FOUND', { name: formatRuleSetName(name) })
}
