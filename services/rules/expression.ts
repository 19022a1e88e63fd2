import { type CelInput, celEnv, isCelError, parse, plan } from '@bufbuild/cel'
import { create } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { ownFunctions } from './expression-functions.js'
import type { Facts, PartyFacts } from './facts.js'

// Expressions of rules, in CEL (cel.dev): conditions give a bool, amounts and scores an int, scope keys a string. An
// expression sees the facts as variables:
//
//   operation_type, asset, time_zone, channel_hint string · amount int (minor units) · time timestamp
//   metadata map(string, string) · signals map(string, int)
//   payer, payee: { party, owner, wallet_kind string, tags list(string) }
//
// expression-guard.ts says what may be published; expression-functions.ts what may be called beside CEL's own.

export type SyntaxTree = ReturnType<typeof parse>['expr']
export type Bindings = Readonly<Record<string, CelInput>>

export const variables: ReadonlySet<string> = new Set([
  ...['operation_type', 'asset', 'amount', 'metadata', 'time', 'time_zone', 'channel_hint', 'signals'],
  ...['payer', 'payee'],
])
export const partyFields: ReadonlySet<string> = new Set(['party', 'owner', 'tags', 'wallet_kind'])

const environment = celEnv({ funcs: [...ownFunctions] })

/** What an expression may be asked to give. */
export interface ResultTypes {
  bool: boolean
  int: bigint
  string: string
}
export type ResultKind = keyof ResultTypes

/** A parsed and planned expression. Throws ExpressionFailedError when it does not give its kind of result on these facts. */
export type Expression<T> = (bindings: Bindings) => T

/** An expression had no answer on some facts, such as an overflow or a missing key. */
export class ExpressionFailedError extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'ExpressionFailedError'
  }
}

const always: Expression<boolean> = () => true

/** Plans a condition; absent means always. Throws ExpressionFailedError when it does not parse. */
export function compileCondition(source: string | undefined): Expression<boolean> {
  return source === undefined ? always : sharedPlans.find('bool', source)
}

/** Plans an expression that gives an int. Throws ExpressionFailedError when it does not parse. */
export function compileInt(source: string): Expression<bigint> {
  return sharedPlans.find('int', source)
}

/** Plans an expression that gives a string. Throws ExpressionFailedError when it does not parse. */
export function compileString(source: string): Expression<string> {
  return sharedPlans.find('string', source)
}

/** Plan what was parsed. Planning costs about seventy evaluations, so it is done once for each version. */
export const planners: { readonly [K in ResultKind]: (tree: SyntaxTree) => Expression<ResultTypes[K]> } = {
  bool: (tree) => planAs(tree, 'bool', (value) => typeof value === 'boolean'),
  int: (tree) => planAs(tree, 'int', (value) => typeof value === 'bigint'),
  string: (tree) => planAs(tree, 'string', (value) => typeof value === 'string'),
}

/**
 * Plans that are in use, by their kind and source: versions share most of their expressions, so that publishing one plans what
 * changed. A version that is let go lets its plans go.
 */
class SharedPlans {
  readonly #plans = new Map<string, WeakRef<Expression<unknown>>>()
  readonly #lost = new FinalizationRegistry<string>((key) => {
    // Another may have been made in its place.
    if (this.#plans.get(key)?.deref() === undefined) this.#plans.delete(key)
  })

  find<K extends ResultKind>(kind: K, source: string): Expression<ResultTypes[K]> {
    const key = `${kind} ${source}`
    const known = this.#plans.get(key)?.deref()
    // The key says what the plan gives.
    if (known !== undefined) return known as Expression<ResultTypes[K]>
    const planned = planners[kind](parseExpression(source))
    this.#plans.set(key, new WeakRef(planned))
    this.#lost.register(planned, key)
    return planned
  }
}

const sharedPlans = new SharedPlans()

function planAs<K extends ResultKind>(
  tree: SyntaxTree,
  kind: K,
  isResult: (value: unknown) => value is ResultTypes[K],
): Expression<ResultTypes[K]> {
  const evaluate = plan(environment, tree)
  return (bindings) => {
    const result = evaluate(bindings)
    if (isCelError(result)) throw new ExpressionFailedError(result.message)
    if (!isResult(result)) throw new ExpressionFailedError(`does not give ${article(kind)} ${kind}`)
    return result
  }
}

function article(kind: ResultKind): string {
  return kind === 'int' ? 'an' : 'a'
}

/** The facts as an expression sees them. Made once for each decision, not for each rule. */
export function bindFacts(facts: Facts): Bindings {
  return {
    operation_type: facts.operationType,
    asset: facts.assetCode,
    amount: facts.amountMinor,
    metadata: facts.metadata,
    time: create(TimestampSchema, facts.time),
    time_zone: facts.timeZone === '' ? 'UTC' : facts.timeZone,
    channel_hint: facts.channelHint,
    signals: facts.signals,
    payer: bindParty(facts.payer),
    payee: bindParty(facts.payee),
  }
}

function bindParty({ party, owner, tags, walletKind }: PartyFacts): CelInput {
  return { party, owner, tags, wallet_kind: walletKind }
}

export function parseExpression(source: string): SyntaxTree {
  try {
    return parse(source).expr
  } catch (error) {
    // A parser by descent: a few thousand parentheses overflow its stack, which V8 reports as a RangeError.
    throw new ExpressionFailedError(`does not parse: ${error instanceof Error ? error.message : String(error)}`)
  }
}
