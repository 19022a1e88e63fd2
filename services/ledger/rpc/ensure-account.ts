import { type CreateAccountRequest } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { uuidV5ToUint128 } from '../../runtime/ids.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { flagsOfKind, isKnownKind, type KnownKind } from '../account-kind.js'
import { type Asset, type AssetStore } from '../asset-store.js'
import { type Engine } from '../engine.js'
import { decided, DOMAIN, ledgerError } from '../errors.js'
import {
  type AccountName,
  type Labels,
  LEVELS_MAX,
  type NamedAccountStore,
  type NewAccountName,
} from '../named-account-store.js'
import { newAccountEvent } from '../new-account-event.js'
import { type Account, AccountFlag } from '../state-machine/account.js'

const LABELS_MAX = 16
const LABEL_KEY_LENGTH_MAX = 63
const LABEL_VALUE_LENGTH_MAX = 255
const OWNER_LENGTH_MAX = 255

export interface EnsureAccountDeps {
  readonly engine: Engine
  readonly assets: AssetStore
  readonly names: NamedAccountStore
  /** What account ids are derived with. */
  readonly namespace: string
}

/** An account that somebody wants to exist. */
export interface WantedAccount extends NewAccountName {
  readonly kind: KnownKind
}

/**
 * Makes an account unless it is there. Throws ASSET_NOT_FOUND, ACCOUNT_NOT_FOUND for the parent, INVALID_FIELD and
 * ACCOUNT_CLOSED for a parent that can't have it, ACCOUNT_EXISTS_DIFFERENT.
 */
export async function ensureAccount(deps: EnsureAccountDeps, call: Call, wanted: WantedAccount): Promise<void> {
  const asset = await deps.assets.find(wanted.assetCode)
  if (asset === undefined) {
    const metadata = { asset_code: wanted.assetCode }
    throw ledgerError('ASSET_NOT_FOUND', `The asset ${wanted.assetCode} is not defined.`, metadata)
  }
  if (wanted.parent !== '') await checkParent(deps, wanted)
  const name = await deps.names.define(wanted)
  if (name === undefined) throw await parentRefusal(deps.names, wanted)
  const field = differentField(wanted, name)
  if (field !== undefined) throw existsDifferent(wanted.name, field)

  await ensureEngineAccount(deps, call, wanted, asset)
}

async function checkParent({ names }: EnsureAccountDeps, { parent }: WantedAccount): Promise<void> {
  const found = await names.resolve(new Set([parent]))
  if (!found.has(parent)) throw ledgerError('ACCOUNT_NOT_FOUND', `${parent} does not exist.`, { account: parent })
}

/** Why a parent can't have an account under it. */
async function parentRefusal(names: NamedAccountStore, { parent, assetCode }: WantedAccount): Promise<Error> {
  const found = await names.find(parent)
  if (found === undefined) throw new Error(`the account ${parent} vanished`)
  const check = new FieldCheck(DOMAIN)
  check.that(found.name.assetCode === assetCode, 'account.parent', 'must be of the same asset')
  check.done()
  if (found.name.lifecycle !== 'OPEN' && found.name.lifecycle !== 'FROZEN') {
    return ledgerError('ACCOUNT_CLOSED', `${parent} is closed.`, { account: parent })
  }
  check.that(false, 'account.parent', `must lie above level ${LEVELS_MAX}`)
  check.done()
  throw new Error('unreachable: the level was checked')
}

/** The name of the first property in which an account differs from the one that is wanted. */
export function differentField(wanted: NewAccountName, kept: AccountName): string | undefined {
  if (wanted.assetCode !== kept.assetCode) return 'asset_code'
  if (wanted.kind !== kept.kind) return 'kind'
  if (wanted.owner !== kept.owner) return 'owner'
  if (wanted.parent !== kept.parent) return 'parent'
  return sameLabels(wanted.labels, kept.createdLabels) ? undefined : 'labels'
}

/**
 * The account that a request asks for, with what is wrong with it noted in `check`; undefined when it is no account.
 * `prefix` is the request's own place, such as "accounts[2].".
 */
export function parseAccount(
  check: FieldCheck,
  prefix: string,
  namespace: string,
  { accountId, account }: CreateAccountRequest,
): WantedAccount | undefined {
  const name = `accounts/${accountId}`
  const { assetCode = '', kind = 0, owner = '', parent = '', labels = {} } = account ?? {}
  const known = isKnownKind(kind)
  check.that(
    parseResourceName('accounts/{account}', name) !== undefined,
    `${prefix}account_id`,
    'must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, first a letter or digit',
  )
  const field = `${prefix}account`
  check.that(assetCode !== '', `${field}.asset_code`, 'is required')
  check.that(known, `${field}.kind`, 'is required and must be a kind of account')
  check.that(!owner.includes('\0'), `${field}.owner`, 'must not hold the character U+0000')
  check.that(owner.length <= OWNER_LENGTH_MAX, `${field}.owner`, `must be at most ${OWNER_LENGTH_MAX} characters`)
  const isName = parent === '' || parseResourceName('accounts/{account}', parent) !== undefined
  check.that(isName && parent !== name, `${field}.parent`, 'must be like accounts/{account}, and another account')
  checkLabels(check, `${field}.labels`, labels)
  return known ? { name, id: uuidV5ToUint128(namespace, name), assetCode, kind, owner, parent, labels } : undefined
}

export function checkLabels(check: FieldCheck, field: string, labels: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(labels)
  check.that(pairs.length <= LABELS_MAX, field, `must have at most ${LABELS_MAX} pairs`)
  const fits = ([key, value]: [string, string]) =>
    key !== '' && key.length <= LABEL_KEY_LENGTH_MAX && value.length <= LABEL_VALUE_LENGTH_MAX
  const limits = `1 to ${LABEL_KEY_LENGTH_MAX} and values at most ${LABEL_VALUE_LENGTH_MAX}`
  check.that(pairs.every(fits), field, `must have keys of ${limits} characters`)
  // PostgreSQL's text can't hold it.
  check.that(!pairs.flat().some((text) => text.includes('\0')), field, 'must not hold the character U+0000')
}

function sameLabels(a: Labels, b: Labels): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

function existsDifferent(account: string, field: string) {
  const message = `${account} exists with another ${field}.`
  return ledgerError('ACCOUNT_EXISTS_DIFFERENT', message, { account, field })
}

async function ensureEngineAccount(deps: EnsureAccountDeps, call: Call, wanted: WantedAccount, asset: Asset) {
  const { id, kind, name } = wanted
  const event = newAccountEvent(id, asset.ledger, kind, flagsOfKind(kind))
  await decided(deps.engine.createAccounts([event], call.signal))
  // What is there decides, not the status: an account that was closed since is still the one that was asked for.
  const [account] = await deps.engine.lookupAccounts([id])
  if (account === undefined) throw new Error(`the engine refused the account ${name}`)
  const field = differentEngineField(event, account)
  if (field !== undefined) throw existsDifferent(name, field)
}

/** Different where somebody made an account of this id through TransferService, for something else. */
function differentEngineField(wanted: { ledger: number; code: number; flags: number }, kept: Account) {
  if (wanted.ledger !== kept.ledger) return 'asset_code'
  // Accounts from before histories were kept have none, and are the same accounts.
  const differentFlags = (wanted.flags ^ kept.flags) & ~AccountFlag.HISTORY
  if (wanted.code !== kept.code || differentFlags !== 0) return 'kind'
  return undefined
}
