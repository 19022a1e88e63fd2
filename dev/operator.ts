// The operator of the mesh on one machine: the person `operator@paymesh.example`, who signs in at the edge.
import { z } from 'zod'
import { type EdgeClient, EdgeError } from './edge-client.js'

const OPERATOR_EMAIL = 'operator@paymesh.example'

const sessionAnswer = z.object({ tokens: z.object({ user: z.string(), accessToken: z.string() }) })
const userAnswer = z.object({ user: z.object({ name: z.string() }) })

/** A signed-in user. */
export interface SignedIn {
  /** `users/{user}` */
  readonly user: string
  readonly token: string
}

/** Registers a user and answers the name, `users/{user}`. */
export async function register(
  edge: EdgeClient,
  email: string,
  password: string,
  displayName: string,
): Promise<string> {
  return (await edge.post('/v1/users', { user: { email, displayName }, password }, userAnswer)).user.name
}

/** Signs a user in. */
export async function signIn(edge: EdgeClient, email: string, password: string): Promise<SignedIn> {
  const { tokens } = await edge.post('/v1/sessions', { email, password }, sessionAnswer)
  return { user: tokens.user, token: tokens.accessToken }
}

/** Signs the operator in. */
export async function signInOperator(edge: EdgeClient, password: string): Promise<SignedIn> {
  return await signIn(edge, OPERATOR_EMAIL, password)
}

/** Registers the operator unless that was done before, and answers the name. */
export async function ensureOperator(edge: EdgeClient, password: string): Promise<string> {
  try {
    return await register(edge, OPERATOR_EMAIL, password, 'Operator')
  } catch (error) {
    if (!(error instanceof EdgeError) || error.reason !== 'EMAIL_TAKEN') throw error
    return (await signInOperator(edge, password)).user
  }
}
