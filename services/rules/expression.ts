import { type CelInput, celEnv, isCelError, parse, plan } from '@bufbuild/cel'
import { create } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import type { Facts, PartyFacts } from './facts.js'

// Conditions of rules, in CEL (cel.dev). A condition sees the facts as variables:
//
//   operation_type string · asset string · amount int (minor units) · metadata map(string, string) · time timestamp
//   payer, payee: { party string, owner string, tags list(string) }
//
// CEL has no cost limit of its own, so what may be published is bounded before it runs (`checkCondition`): size, nodes,
// functions, and what a comprehension walks over (32 elements) and does there (`all` and `exists` with cheap functions). The
// dearest conditions found that pass take tens of milliseconds; those in use take microseconds.

type Expr = ReturnType<typeof parse>['expr']
export type Bindings = Readonly<Record<string, CelInput>>

const sourceBytesMax = 4096
const nodesMax = 500
/** As many as there may be tags or pairs of metadata. */
const walkedMax = 32
const variables = new Set(['operation_type', 'asset', 'amount', 'metadata', 'time', 'payer', 'payee'])
const partyFields = new Set(['party', 'owner', 'tags'])

// Left out on purpose: `matches` (a short pattern can be an expensive machine), `double` and everything on doubles (no
// float touches an amount), `dyn` and `type` (they only serve to dodge types), `bytes` and `uint` (nothing here has them).
const functionsAnywhere = new Set([
  ...[
    '_&&_',
    '_||_',
    '!_',
    '_?_:_',
    '_==_',
    '_!=_',
    '_<_',
    '_<=_',
    '_>_',
    '_>=_',
    '_[_]',
    '@in',
    '@not_strictly_false',
  ],
  ...['size', 'startsWith', 'endsWith'],
])

// Not inside a comprehension: there one may build a long list, search a long text or load a time zone for each element. Without `+` the macros
// `map`, `filter` and `exists_one` are out too, which leaves the two that a condition needs.
const functionsOutsideComprehensions = new Set([
  ...['_+_', '_-_', '_*_', '_/_', '_%_', '-_', 'contains', 'int', 'string', 'timestamp', 'duration'],
  ...['getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getHours', 'getMinutes'],
])

const environment = celEnv()

/** A parsed and planned condition. Planning costs about seventy evaluations, so it is done once for each version. */
export interface Condition {
  /** Throws ConditionFailedError when the condition does not give a bool on these facts. */
  holds(bindings: Bindings): boolean
}

/** A condition had no answer on some facts, such as an overflow or a missing key. */
export class ConditionFailedError extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'ConditionFailedError'
  }
}

const always: Condition = { holds: () => true }

/** Plans a condition; absent means always. Throws ConditionFailedError when it does not parse. */
export function compileCondition(source: string | undefined): Condition {
  if (source === undefined) return always
  const evaluate = plan(environment, parseExpression(source))
  return {
    holds(bindings) {
      const result = evaluate(bindings)
      if (isCelError(result)) throw new ConditionFailedError(result.message)
      if (typeof result !== 'boolean') throw new ConditionFailedError('does not give a bool')
      return result
    },
  }
}

/** The facts as a condition sees them. Made once for each decision, not for each rule. */
export function bindFacts(facts: Facts): Bindings {
  return {
    operation_type: facts.operationType,
    asset: facts.assetCode,
    amount: facts.amountMinor,
    metadata: facts.metadata,
    time: create(TimestampSchema, facts.time),
    payer: bindParty(facts.payer),
    payee: bindParty(facts.payee),
  }
}

/**
 * Says why a condition may not be published, one sentence for each problem; none when it may. Beyond the static bounds
 * it is tried on facts with nothing in them and with everything in them that it names, so that a condition
 * that fails without metadata (`metadata.vip == "1"`, for `has(metadata.vip) && …`) is met here and not in a payment.
 */
export function checkCondition(source: string, scope: { operationType: string; assetCode: string }): readonly string[] {
  if (Buffer.byteLength(source) > sourceBytesMax) return [`is over ${sourceBytesMax} bytes`]
  try {
    const survey = new Survey()
    survey.visit(parseExpression(source), [])
    if (survey.nodes > nodesMax) survey.problems.add(`has over ${nodesMax} nodes`)
    return survey.problems.size > 0 ? [...survey.problems] : tryCondition(source, scope, [...survey.strings])
  } catch (error) {
    if (error instanceof ConditionFailedError) return [error.message]
    throw error
  }
}

function parseExpression(source: string): Expr {
  try {
    return parse(source).expr
  } catch (error) {
    // A parser by descent: a few thousand parentheses overflow its stack, which V8 reports as a RangeError.
    throw new ConditionFailedError(`does not parse: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function tryCondition(
  source: string,
  scope: { operationType: string; assetCode: string },
  strings: readonly string[],
): readonly string[] {
  const condition = compileCondition(source)
  const bare: PartyFacts = { party: 'wallets/a', owner: '', tags: [] }
  const full: PartyFacts = { party: 'wallets/b', owner: 'users/b', tags: strings }
  const base = { ...scope, time: { seconds: 1_767_225_600n, nanos: 0 } }
  const samples: readonly Facts[] = [
    { ...base, amountMinor: 1n, payer: bare, payee: bare, metadata: new Map() },
    {
      ...base,
      amountMinor: 1_000_000_000_000n,
      payer: full,
      payee: full,
      metadata: new Map(strings.map((s) => [s, s])),
    },
  ]
  const problems = samples.flatMap((facts) => failureOn(condition, facts))
  return [...new Set(problems)]
}

function failureOn(condition: Condition, facts: Facts): readonly string[] {
  try {
    condition.holds(bindFacts(facts))
    return []
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error
    const on = facts.metadata.size > 0 ? 'facts with metadata and tags' : 'facts without metadata and tags'
    return [`fails on ${on}: ${error.message}`]
  }
}

function bindParty(party: PartyFacts): CelInput {
  return { party: party.party, owner: party.owner, tags: party.tags }
}

/** Walks a syntax tree once and notes what breaks the bounds. */
class Survey {
  nodes = 0
  readonly problems = new Set<string>()
  /** String constants and selected fields: what the trial facts are made of. */
  readonly strings = new Set<string>()

  visit(expr: Expr | undefined, locals: readonly string[]): void {
    if (expr === undefined) return
    this.nodes += 1
    const kind = expr.exprKind
    switch (kind.case) {
      case 'constExpr': {
        this.visitConstant(kind.value.constantKind)
        return
      }
      case 'identExpr':
        if (!variables.has(kind.value.name) && !locals.includes(kind.value.name)) {
          this.problems.add(`names the unknown variable ${kind.value.name}`)
        }
        return
      case 'selectExpr':
        this.visitSelect(kind.value.field, kind.value.operand)
        {
          this.visit(kind.value.operand, locals)
          return
        }
      case 'callExpr':
        this.visitFunction(kind.value.function, locals)
        this.visit(kind.value.target, locals)
        for (const arg of kind.value.args) this.visit(arg, locals)
        return
      case 'listExpr':
        for (const element of kind.value.elements) this.visit(element, locals)
        return
      case 'comprehensionExpr': {
        this.visitComprehension(kind.value, locals)
        return
      }
      case 'structExpr':
      case undefined:
        this.problems.add('makes a message or a map, which is not allowed')
    }
  }

  private visitFunction(name: string, locals: readonly string[]): void {
    if (functionsAnywhere.has(name)) return
    if (!functionsOutsideComprehensions.has(name)) this.problems.add(`calls ${name}, which is not allowed`)
    else if (locals.length > 0) this.problems.add(`calls ${name} in a comprehension, which is not allowed`)
  }

  private visitConstant(constant: { case?: string | undefined; value?: unknown }): void {
    if (constant.case === 'doubleValue') this.problems.add('has a floating-point number; amounts are ints')
    if (constant.case === 'stringValue' && typeof constant.value === 'string') this.strings.add(constant.value)
  }

  private visitSelect(field: string, operand: Expr | undefined): void {
    this.strings.add(field)
    const kind = operand?.exprKind
    if (kind?.case !== 'identExpr' || (kind.value.name !== 'payer' && kind.value.name !== 'payee')) return
    if (!partyFields.has(field)) this.problems.add(`names ${kind.value.name}.${field}, which does not exist`)
  }

  /** One level deep, and only over facts or a written list: a list made of concatenations or of another walk could be long. */
  private visitComprehension(
    walk: { iterVar: string; iterVar2: string; accuVar: string } & Partial<
      Record<'iterRange' | 'accuInit' | 'loopCondition' | 'loopStep' | 'result', Expr | undefined>
    >,
    locals: readonly string[],
  ): void {
    if (locals.length > 0) this.problems.add('nests one comprehension in another')
    const range = walk.iterRange?.exprKind
    const isWrittenList = range?.case === 'listExpr' && range.value.elements.length <= walkedMax
    if (range?.case !== 'identExpr' && range?.case !== 'selectExpr' && !isWrittenList) {
      this.problems.add(`walks over something that is neither a fact nor a written list of at most ${walkedMax}`)
    }
    this.visit(walk.iterRange, locals)
    const inner = [...locals, walk.iterVar, walk.iterVar2, walk.accuVar]
    for (const part of [walk.accuInit, walk.loopCondition, walk.loopStep, walk.result]) this.visit(part, inner)
  }
}
