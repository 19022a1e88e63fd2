// What ApproveIntent and RejectIntent have in common.
import { type Call } from '../../runtime/call.js'
import { intentNotInReview } from '../errors.js'
import { type Intent } from '../intents/intent.js'
import { authorizeReview } from './access.js'
import { type RpcDeps } from './deps.js'
import { readIntent } from './find-intent.js'

/** The intent, which the caller may review. Throws INVALID_FIELD, INTENT_NOT_FOUND, SELF_REVIEW. */
export async function reviewable(deps: RpcDeps, call: Call, name: string): Promise<Intent> {
  const intent = await readIntent(deps, name)
  await authorizeReview(call, deps.wallets, intent)
  return intent
}

/** Throws INTENT_NOT_IN_REVIEW unless the intent waits for review. */
export function assertInReview({ id, status }: Intent): void {
  if (status.state !== 'IN_REVIEW') throw intentNotInReview(`intents/${id}`, status.state)
}

/** Writes what came of a review. Throws INTENT_NOT_IN_REVIEW when another came first. */
export async function writeReview(deps: RpcDeps, before: Intent, after: Intent): Promise<void> {
  if (await deps.store.update(before, after)) return
  const now = await readIntent(deps, `intents/${before.id}`)
  throw intentNotInReview(`intents/${before.id}`, now.status.state)
}
