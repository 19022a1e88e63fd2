import assert from 'node:assert/strict'
import { z } from 'zod'
import { type Api, errorInfo, errorShape } from './api.js'
import { allAccounts, assertBooksBalance } from './books.js'
import { theMesh } from './mesh-under-test.js'

/** A request that must be refused, and how. */
export interface RefusedCase {
  readonly name: string
  readonly caller?: Api
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  readonly status: number
  readonly reason: string
  /** The field that the answer must name. */
  readonly field?: string
}

const violationsShape = z.looseObject({
  fieldViolations: z.array(z.object({ field: z.string(), description: z.string().min(1) })),
})

/** Runs each case, then checks that nothing moved anywhere. */
export async function refuses(caller: Api, cases: readonly RefusedCase[]): Promise<void> {
  const mesh = await theMesh()
  const before = await fingerprint()
  for (const { name, path, body, status, reason, field, ...rest } of cases) {
    const answer = await (rest.caller ?? caller).send(rest.method ?? 'POST', path, body)
    const context = `${name}: ${answer.status} ${JSON.stringify(answer.body)}`
    assert.equal(answer.status, status, context)
    assert.equal(errorInfo(answer).reason, reason, context)
    if (field !== undefined) {
      const badRequest = errorShape.parse(answer.body).details.find((detail) => detail['@type'].endsWith('BadRequest'))
      const fields = violationsShape.parse(badRequest ?? {}).fieldViolations.map((violation) => violation.field)
      assert.ok(fields.includes(field), `${context}: names ${fields.join(', ')}, not ${field}`)
    }
  }
  assert.deepEqual(await fingerprint(), before, 'something moved')
  await assertBooksBalance(mesh)
}

async function fingerprint(): Promise<string[]> {
  return (await allAccounts(await theMesh())).map(
    ({ name, balances }) => `${name} ${balances?.debitsPosted?.minorUnits} ${balances?.creditsPosted?.minorUnits}`,
  )
}
