type Variables<Pattern extends string> = Pattern extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Variables<Rest>
  : never

/** The variables of a pattern such as 'wallets/{wallet}' with their values. */
export type ResourceVariables<Pattern extends string> = Record<Variables<Pattern>, string>

// What a variable may hold (AIP-122): URL-safe without escapes, so a name travels in a path as it is.
const segment = '[A-Za-z0-9][A-Za-z0-9._~-]{0,127}'
const expressions = new Map<string, RegExp>()

function expressionOf(pattern: string): RegExp {
  let expression = expressions.get(pattern)
  if (expression === undefined) {
    const literal = pattern.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
    expression = new RegExp(`^${literal.replace(/\{(\w+)\}/g, `(?<$1>${segment})`)}$`)
    expressions.set(pattern, expression)
  }
  return expression
}

/**
 * The variables of a resource name, or undefined when the name does not have the pattern's form. A variable is 1 to
 * 128 of `A-Z a-z 0-9 . _ ~ -`, first a letter or digit.
 */
export function parseResourceName<Pattern extends string>(
  pattern: Pattern,
  name: string,
): ResourceVariables<Pattern> | undefined {
  const groups = expressionOf(pattern).exec(name)?.groups
  return groups as ResourceVariables<Pattern> | undefined
}

/** The name that `parseResourceName` takes apart. Throws RangeError when a variable's value is not a segment. */
export function formatResourceName<Pattern extends string>(
  pattern: Pattern,
  variables: ResourceVariables<Pattern>,
): string {
  const values: Readonly<Record<string, string>> = variables
  const name = pattern.replace(/\{(\w+)\}/g, (_, variable: string) => values[variable] ?? '')
  if (!expressionOf(pattern).test(name)) throw new RangeError(`"${name}" does not have the form ${pattern}.`)
  return name
}
