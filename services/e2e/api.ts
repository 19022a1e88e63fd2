import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'

/** An answer of the edge, its body parsed as JSON when it has one. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export const moneyShape = z.object({ assetCode: z.string(), minorUnits: z.string().transform(BigInt) })

export const intentShape = z.object({
  name: z.string(),
  operationType: z.string(),
  state: z.string(),
  amount: moneyShape,
  payerTotal: moneyShape.optional(),
  payeeTotal: moneyShape.optional(),
  stateChanges: z.array(z.object({ state: z.string(), time: z.string() })),
  decision: z
    .object({
      ruleSetVersion: z.string(),
      channel: z.string().default(''),
      fees: z.array(z.object({ feeId: z.string(), phase: z.string(), amount: moneyShape })).default([]),
    })
    .optional(),
  failure: z.object({ reason: z.string(), message: z.string(), limit: z.looseObject({}).optional() }).optional(),
  etag: z.string(),
})
export type IntentJson = z.infer<typeof intentShape>

export const walletShape = z.object({
  name: z.string(),
  owner: z.string(),
  assetCode: z.string(),
  available: moneyShape,
  held: moneyShape,
  ledgerAccount: z.string(),
})
export type WalletJson = z.infer<typeof walletShape>

/** The error that every refusal is, whoever refuses. */
export const errorShape = z
  .object({
    code: z.number().int(),
    message: z.string().min(1),
    details: z
      .array(z.looseObject({ '@type': z.string() }))
      .min(1)
      .refine((details) => details.filter((detail) => detail['@type'].endsWith('google.rpc.ErrorInfo')).length === 1),
  })
  .strict()

export function errorInfo(answer: Answer): { code: number; reason: string; domain: string } {
  const { code, details } = errorShape.parse(answer.body)
  const info = details.find((detail) => detail['@type'].endsWith('google.rpc.ErrorInfo'))
  return { code, ...z.looseObject({ reason: z.string(), domain: z.string() }).parse(info) }
}

/** The public API as an app uses it. */
export class Api {
  readonly url: string
  readonly token: string | undefined

  constructor(url: string, token?: string) {
    this.url = url
    this.token = token
  }

  as(token: string): Api {
    return new Api(this.url, token)
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }

  /** Sends, demands 200 and takes one property of the answer. */
  async ok<T>(method: string, path: string, body: unknown, property: string, shape: z.ZodType<T>): Promise<T> {
    const answer = await this.send(method, path, body)
    assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`)
    return shape.parse(z.looseObject({}).parse(answer.body)[property])
  }

  createWallet(assetCode: string): Promise<WalletJson> {
    return this.ok('POST', '/v1/wallets', { requestId: randomUUID(), wallet: { assetCode } }, 'wallet', walletShape)
  }

  wallet(name: string): Promise<WalletJson> {
    return this.ok('GET', `/v1/${name}`, undefined, 'wallet', walletShape)
  }

  intent(name: string): Promise<IntentJson> {
    return this.ok('GET', `/v1/${name}`, undefined, 'intent', intentShape)
  }

  fund(wallet: string, minorUnits: bigint, requestId: string = randomUUID()): Promise<IntentJson> {
    const amount = { assetCode: 'THB', minorUnits: String(minorUnits) }
    return this.ok('POST', `/v1/${wallet}:fund`, { requestId, amount }, 'intent', intentShape)
  }

  pay(payer: string, payee: string, minorUnits: bigint, requestId: string = randomUUID()): Promise<IntentJson> {
    return this.ok('POST', '/v1/intents', payment(payer, payee, minorUnits, requestId), 'intent', intentShape)
  }
}

export function payment(payer: string, payee: string, minorUnits: bigint, requestId: string = randomUUID()) {
  return {
    requestId,
    intent: {
      operationType: 'P2P_TRANSFER',
      payer: { wallet: payer },
      payee: { wallet: payee },
      amount: { assetCode: 'THB', minorUnits: String(minorUnits) },
    },
  }
}

/** A signed-in user with a THB wallet. */
export interface Person {
  readonly name: string
  readonly api: Api
  readonly wallet: string
  /** The API with a new token, which has the roles granted since. */
  signInAgain(): Promise<Api>
}

const tokensShape = z.object({
  session: z.string(),
  user: z.string(),
  accessToken: z.string(),
  refreshToken: z.string(),
})

export async function signIn(api: Api, email: string, password: string) {
  return api.ok('POST', '/v1/sessions', { email, password }, 'tokens', tokensShape)
}

export async function newUser(api: Api): Promise<Omit<Person, 'wallet'>> {
  const email = `${randomUUID()}@example.com`
  const password = `pass ${randomUUID()}`
  await api.ok('POST', '/v1/users', { user: { email, displayName: 'Somebody' }, password }, 'user', z.looseObject({}))
  const tokens = await signIn(api, email, password)
  const signInAgain = async () => api.as((await signIn(api, email, password)).accessToken)
  return { name: tokens.user, api: api.as(tokens.accessToken), signInAgain }
}

export async function newPerson(api: Api): Promise<Person> {
  const user = await newUser(api)
  const { name } = await user.api.createWallet('THB')
  return { ...user, wallet: name }
}
