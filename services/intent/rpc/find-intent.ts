import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, intentNotFound } from '../errors.js'
import { type Intent } from '../intents/intent.js'
import { authorizeIntent, type IntentView } from './access.js'
import { type RpcDeps } from './deps.js'
import { intentIdOf } from './fields.js'

export interface SeenIntent {
  readonly intent: Intent
  readonly view: IntentView
}

/** The intent of that name, whoever asks. Throws INVALID_FIELD, INTENT_NOT_FOUND. */
export async function readIntent(deps: Pick<RpcDeps, 'store'>, name: string): Promise<Intent> {
  const check = new FieldCheck(errorDomain)
  const id = intentIdOf(name)
  check.that(id !== undefined, 'name', 'must be intents/{uuid}')
  check.done()
  const intent = await deps.store.byId(id ?? '')
  if (intent === undefined) throw intentNotFound(name)
  return intent
}

/** The intent of that name and how much of it the caller may see. Throws INVALID_FIELD, INTENT_NOT_FOUND, NOT_OWNER. */
export async function findIntent(deps: RpcDeps, call: Call, name: string): Promise<SeenIntent> {
  const intent = await readIntent(deps, name)
  return { intent, view: await authorizeIntent(deps, call, intent) }
}
