import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, intentNotFound } from '../errors.js'
import { type Intent } from '../intent.js'
import { authorizeIntent } from './access.js'
import { type RpcDeps } from './deps.js'
import { intentIdOf } from './fields.js'

/** The intent of that name, if the caller may see it. Throws INVALID_FIELD, INTENT_NOT_FOUND, NOT_OWNER. */
export async function findIntent(deps: RpcDeps, call: Call, name: string): Promise<Intent> {
  const check = new FieldCheck(errorDomain)
  const id = intentIdOf(name)
  check.that(id !== undefined, 'name', 'must be intents/{uuid}')
  check.done()
  const intent = await deps.store.byId(id ?? '')
  if (intent === undefined) throw intentNotFound(name)
  await authorizeIntent(call, deps.wallets, intent)
  return intent
}
