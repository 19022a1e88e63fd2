// The payment story: Alice pays Bob, through the public edge, as an app would do it.
import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { EdgeClient } from './edge-client.js'
import { LaunchError } from './launch-error.js'
import { type MeshAccess } from './mesh-access.js'
import { codeSentTo } from './notifications.js'
import { register, signIn, signInOperator, verifyContact } from './operator.js'

const money = z.object({ assetCode: z.string(), minorUnits: z.string().default('0').transform(BigInt) })
/** An amount as the edge prints it. */
type Money = z.infer<typeof money>

const wallet = z.object({ name: z.string(), ledgerAccount: z.string(), available: money })
const walletAnswer = z.object({ wallet })
const fee = z.object({ feeId: z.string(), phase: z.string(), amount: money })
const previewAnswer = z.object({
  decision: z.object({ channel: z.string(), fees: z.array(fee).default([]) }),
  payerTotal: money,
  payeeTotal: money,
})
const intent = z.object({
  name: z.string(),
  state: z.string(),
  failure: z.object({ reason: z.string(), message: z.string().default('') }).optional(),
  payerTotal: money.optional(),
  payeeTotal: money.optional(),
})
const intentAnswer = z.object({ intent })
const watchEvent = z.object({ intent: intent.optional(), closing: z.object({}).optional() })

type Wallet = z.infer<typeof wallet>
type Intent = z.infer<typeof intent>
type Preview = z.infer<typeof previewAnswer>

/** Somebody in the story. */
export interface Person {
  readonly name: string
  readonly email: string
  readonly password: string
  readonly wallet: string
  readonly ledgerAccount: string
}

interface Actor extends Person {
  readonly edge: EdgeClient
}

/** What happened. */
export interface Story {
  readonly alice: Person
  readonly bob: Person
  readonly intent: string
}

const FUNDING = { assetCode: 'THB', minorUnits: '100000' }
const PAYMENT = { assetCode: 'THB', minorUnits: '15025' }

/** Plays the story and prints it; new people each time. Fails with a LaunchError when the payment does not settle. */
export async function playStory(mesh: MeshAccess, print: (line: string) => void): Promise<Story> {
  const edge = new EdgeClient(mesh.url)
  const [alice, bob] = await Promise.all([newPerson(mesh, edge, 'Alice'), newPerson(mesh, edge, 'Bob')])
  await fund(edge, mesh.secrets.operatorPassword, alice)
  const before = await balances([alice, bob])
  print('')
  print(`  Alice has ${format(before.Alice)}, Bob has ${format(before.Bob)}.`)

  const payment = { operationType: 'P2P_TRANSFER', payer: { wallet: alice.wallet }, payee: { wallet: bob.wallet } }
  const preview = await alice.edge.post(
    '/v1/intents:preview',
    { intent: { ...payment, amount: PAYMENT } },
    previewAnswer,
  )
  for (const line of describePreview(preview)) print(`  ${line}`)

  const startMs = performance.now()
  const answer = await alice.edge.post(
    '/v1/intents',
    { requestId: randomUUID(), intent: { ...payment, amount: PAYMENT } },
    intentAnswer,
  )
  const tookMs = performance.now() - startMs
  const final = await watch(alice.edge, answer.intent)
  print(`  Alice paid Bob ${format(money.parse(PAYMENT))}: ${final.name} settled in ${tookMs.toFixed(0)} ms.`)

  const after = await balances([alice, bob])
  print(`  Alice has ${format(after.Alice)}, Bob has ${format(after.Bob)}.`)
  return { alice, bob, intent: final.name }
}

async function newPerson(mesh: MeshAccess, edge: EdgeClient, name: string): Promise<Actor> {
  const email = `${name.toLowerCase()}-${randomBytes(4).toString('hex')}@example.com`
  const password = randomBytes(9).toString('base64url')
  const user = await register(edge, email, password, name)
  await verifyContact(edge, user, await codeSentTo(mesh.notificationFile, email))
  const own = edge.as((await signIn(edge, email, password)).token)
  const request = { requestId: randomUUID(), wallet: { assetCode: 'THB', displayName: `${name}'s baht` } }
  const { wallet } = await own.post('/v1/wallets', request, newWalletAnswer)
  return { name, email, password, wallet: wallet.name, ledgerAccount: wallet.ledgerAccount, edge: own }
}

const newWalletAnswer = z.object({ wallet: wallet.omit({ available: true }) })

async function fund(edge: EdgeClient, operatorPassword: string, person: Person): Promise<void> {
  const { token } = await signInOperator(edge, operatorPassword)
  const request = { requestId: randomUUID(), amount: FUNDING, reference: 'demo' }
  const funding = await edge.as(token).post(`/v1/${person.wallet}:fund`, request, intentAnswer)
  settledOrThrow(funding.intent)
}

async function balances(people: readonly [Actor, Actor]): Promise<{ Alice: Money; Bob: Money }> {
  const read = async ({ edge, wallet }: Actor): Promise<Wallet> =>
    (await edge.get(`/v1/${wallet}`, walletAnswer)).wallet
  const [alice, bob] = await Promise.all([read(people[0]), read(people[1])])
  return { Alice: alice.available, Bob: bob.available }
}

function describePreview({ decision, payerTotal, payeeTotal }: Preview): string[] {
  const fees = decision.fees.map(({ feeId, phase, amount }) => {
    const payer = phase === 'FEE_PHASE_PRE' ? 'Alice' : 'Bob'
    return `Fee ${feeId}: ${format(amount)}, which ${payer} bears.`
  })
  return [...fees, `Alice will be debited ${format(payerTotal)}, Bob credited ${format(payeeTotal)}.`]
}

// The stream says the present state at once, so it ends also when the payment settled before we looked.
async function watch(edge: EdgeClient, created: Intent): Promise<Intent> {
  const events = await edge.events(`/v1/${created.name}:watch`, watchEvent)
  const last = events.flatMap((event) => event.intent ?? []).at(-1) ?? created
  settledOrThrow(last)
  return last
}

function settledOrThrow({ name, state, failure }: Intent): void {
  if (state === 'INTENT_STATE_SETTLED') return
  const why = failure === undefined ? '' : `, because ${failure.reason} (${failure.message})`
  throw new LaunchError(`The payment ${name} did not settle: it is ${state}${why}. Look at the logs in .paymesh/log.`)
}

// Both assets of the seed have two decimals.
function format({ assetCode, minorUnits }: Money): string {
  const digits = minorUnits.toString().padStart(3, '0')
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',')
  return `${whole}.${digits.slice(-2)} ${assetCode}`
}
