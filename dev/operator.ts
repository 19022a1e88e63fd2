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

/** Proves with the code that was sent that the user's address is theirs. */
export async function verifyContact(edge: EdgeClient, user: string, code: string): Promise<void> {
  await edge.post('/v1/users:verifyContact', { user, code }, z.object({ verifyTime: z.string() }))
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
    return (await signInOperator(edge, password)).user
  } catch (error) {
    // Registering tells nobody whether an address is known; signing in does.
    if (!(error instanceof EdgeError) || error.reason !== 'WRONG_CREDENTIALS') throw error
    return await register(edge, OPERATOR_EMAIL, password, 'Operator')
  }
}
