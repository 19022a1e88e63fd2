import {
  type Bindings,
  bindFacts,
  type Expression,
  ExpressionFailedError,
  parseExpression,
  partyFields,
  planners,
  type ResultKind,
  type ResultTypes,
  type SyntaxTree,
  variables,
} from './expression.js'
import { ownFunctionNames } from './expression-functions.js'
import type { Facts, PartyFacts } from './facts.js'
import { signalsIn, type SignalsNamed } from './signal-names.js'

// CEL has no cost limit of its own, so what may be published is bounded before it runs: size, nodes, functions, and what
// a comprehension walks over (32 elements) and does there (`all` and `exists` with cheap functions). The dearest
// expressions found that pass take tens of milliseconds; those in use take microseconds.

const sourceBytesMax = 4096
const nodesMax = 500
/** As many as there may be tags or pairs of metadata. */
const walkedMax = 32

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
const functionsOutsideComprehensions = new Set<string>([
  ...['_+_', '_-_', '_*_', '_/_', '_%_', '-_', 'contains', 'int', 'string', 'timestamp', 'duration'],
  ...ownFunctionNames,
  ...['getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getHours', 'getMinutes'],
])

/** What an expression is tried on: the payments that its rule is for. */
export interface Scope {
  readonly operationType: string
  readonly assetCode: string
  /** The smallest and largest amount that is tried, in minor units. */
  readonly lowestMinor: bigint
  readonly highestMinor: bigint
}

/** Facts to try an expression on, with a name for them that continues "on". */
export interface Sample {
  readonly name: string
  readonly facts: Facts
  readonly bindings: Bindings
}

/** What of an expression is needed to try it, or why it may not be published. */
export type Guarded<T> =
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  | {
      readonly kind: 'bounded'
      readonly evaluate: Expression<T>
      readonly samples: readonly Sample[]
      /** The signals that it asks for whether they are there. */
      readonly tested: ReadonlySet<string>
    }

/**
 * Holds an expression against its static bounds and, when it keeps them, plans it and makes the facts to try it on. The
 * expression may read the signals in `tested`: what their absence means was said before it is asked.
 */
export function guardExpression<K extends ResultKind>(
  source: string,
  kind: K,
  scope: Scope,
  tested: ReadonlySet<string> = new Set(),
): Guarded<ResultTypes[K]> {
  if (Buffer.byteLength(source) > sourceBytesMax) return refuse([`is over ${sourceBytesMax} bytes`])
  try {
    const survey = new Survey()
    const tree = parseExpression(source)
    survey.visit(tree, [])
    if (survey.nodes > nodesMax) survey.problems.add(`has over ${nodesMax} nodes`)
    const signals = signalsIn(tree)
    const problems = [...survey.problems, ...signalProblems(signals, tested)]
    if (problems.length > 0) return refuse(problems)
    const samples = samplesOf(scope, survey.strings, signals.named)
    return { kind: 'bounded', evaluate: planners[kind](tree), samples, tested: signals.tested }
  } catch (error) {
    if (error instanceof ExpressionFailedError) return refuse([error.message])
    throw error
  }
}

/**
 * Says why an expression may not be published, one sentence for each problem; none when it may. Beyond the static bounds
 * it is tried on facts with nothing in them, with everything in them that it names, and with all of that but signals, so
 * that a condition that fails without metadata (`metadata.vip == "1"`, for `has(metadata.vip) && …`) is met here and not in
 * a payment.
 */
export function checkExpression(source: string, kind: ResultKind, scope: Scope): readonly string[] {
  return problemsOf(guardExpression(source, kind, scope))
}

/** Why a guarded expression may not be published. */
export function problemsOf(guarded: Guarded<unknown>): readonly string[] {
  if (guarded.kind === 'refused') return guarded.problems
  return [...new Set(guarded.samples.flatMap((sample) => failureOn(guarded.evaluate, sample)))]
}

/** Why an expression has no answer on a sample; nothing when it has. */
export function failureOn(evaluate: Expression<unknown>, { name, bindings }: Sample): readonly string[] {
  try {
    evaluate(bindings)
    return []
  } catch (error) {
    if (!(error instanceof ExpressionFailedError)) throw error
    return [`fails on ${name}: ${error.message}`]
  }
}

function refuse(problems: readonly string[]): { readonly kind: 'refused'; readonly problems: readonly string[] } {
  return { kind: 'refused', problems }
}

/** A signal may be missing in any payment, and no trial finds every way to a read: so what is read is tested. */
function signalProblems({ read, tested, unnamed }: SignalsNamed, testedBefore: ReadonlySet<string>): readonly string[] {
  const untested = [...read].filter((name) => !tested.has(name) && !testedBefore.has(name))
  return [
    ...untested.map(
      (name) => `reads signals.${name} and does not say what its absence means: test has(signals.${name})`,
    ),
    ...(unnamed ? ['uses signals otherwise than by a name that is written out'] : []),
  ]
}

function samplesOf(scope: Scope, strings: ReadonlySet<string>, signals: ReadonlySet<string>): readonly Sample[] {
  const { operationType, assetCode, lowestMinor, highestMinor } = scope
  const bare: PartyFacts = { party: 'wallets/a', owner: '', tags: [], walletKind: '' }
  const full: PartyFacts = { party: 'wallets/b', owner: 'users/b', tags: [...strings], walletKind: 'PERSONAL' }
  const base = { operationType, assetCode, time: { seconds: 1_767_225_600n, nanos: 0 }, timeZone: '', channelHint: '' }
  const nothing = { payer: bare, payee: bare, metadata: new Map(), signals: new Map() }
  const everything = {
    payer: full,
    payee: full,
    metadata: new Map([...strings].map((text) => [text, text])),
    signals: new Map([...signals].map((name) => [name, 1n])),
  }
  const without = 'facts without metadata, tags and signals'
  const withAll = 'facts with metadata, tags and signals'
  const unmeasured = 'facts with metadata and tags, without signals'
  return [
    sample(without, { ...base, ...nothing, amountMinor: lowestMinor }),
    sample(withAll, { ...base, ...everything, amountMinor: highestMinor }),
    sample(unmeasured, { ...base, ...everything, signals: new Map(), amountMinor: highestMinor }),
  ]
}

function sample(name: string, facts: Facts): Sample {
  return { name: `${name}, amount ${facts.amountMinor}`, facts, bindings: bindFacts(facts) }
}

/** Walks a syntax tree once and notes what breaks the bounds. */
class Survey {
  nodes = 0
  readonly problems = new Set<string>()
  /** String constants and selected fields: what the trial facts are made of. */
  readonly strings = new Set<string>()

  visit(expr: SyntaxTree | undefined, locals: readonly string[]): void {
    if (expr === undefined) return
    this.nodes += 1
    const kind = expr.exprKind
    switch (kind.case) {
      case 'constExpr':
        this.visitConstant(kind.value.constantKind)
        return
      case 'identExpr':
        if (!variables.has(kind.value.name) && !locals.includes(kind.value.name)) {
          this.problems.add(`names the unknown variable ${kind.value.name}`)
        }
        return
      case 'selectExpr':
        this.visitSelect(kind.value.field, kind.value.operand)
        this.visit(kind.value.operand, locals)
        return
      case 'callExpr':
        this.visitFunction(kind.value.function, locals)
        this.visit(kind.value.target, locals)
        for (const arg of kind.value.args) this.visit(arg, locals)
        return
      case 'listExpr':
        for (const element of kind.value.elements) this.visit(element, locals)
        return
      case 'comprehensionExpr':
        this.visitComprehension(kind.value, locals)
        return
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

  private visitSelect(field: string, operand: SyntaxTree | undefined): void {
    this.strings.add(field)
    const kind = operand?.exprKind
    if (kind?.case !== 'identExpr' || (kind.value.name !== 'payer' && kind.value.name !== 'payee')) return
    if (!partyFields.has(field)) this.problems.add(`names ${kind.value.name}.${field}, which does not exist`)
  }

  /** One level deep, and only over facts or a written list: a list made of concatenations or of another walk could be long. */
  private visitComprehension(
    walk: { iterVar: string; iterVar2: string; accuVar: string } & Partial<
      Record<'iterRange' | 'accuInit' | 'loopCondition' | 'loopStep' | 'result', SyntaxTree | undefined>
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
