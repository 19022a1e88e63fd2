// The payment that benches make.
import { randomUUID } from 'node:crypto'
import { CaptureMode, type Intent, IntentState } from '../gen/paymesh/intent/v1/intent.js'
import { CreateIntentRequest, type CreateIntentResponse } from '../gen/paymesh/intent/v1/intent_service.js'
import { answered, type BenchMesh, type Person } from './bench-mesh.js'

/** More payers than payments in flight need, so that no wallet is the bottleneck by itself. */
export const people = 32
/** What each payment moves; small enough that nobody runs out. */
export const amountMinor = 1_00n

/** Who pays whom in the payment of this number. */
export function personAt(mesh: BenchMesh, index: number): [payer: Person, payee: Person] {
  const find = (place: number): Person => {
    const found = mesh.people[place % people]
    if (found === undefined) throw new Error('nobody')
    return found
  }
  return [find(index), find(index + 1 + (index % (people - 1)))]
}

/** Pays over gRPC, with the edge's certificate; rejects unless the answer is SETTLED. */
export async function payDirectly(mesh: BenchMesh, payer: Person, payee: Person): Promise<void> {
  await create(mesh, payer, payee, CaptureMode.IMMEDIATE, IntentState.SETTLED)
}

/** Holds what a payment would move, and answers the intent's name; rejects unless it is AUTHORIZED. */
export async function holdDirectly(mesh: BenchMesh, payer: Person, payee: Person): Promise<string> {
  const { name } = await create(mesh, payer, payee, CaptureMode.MANUAL, IntentState.AUTHORIZED)
  return name
}

async function create(
  mesh: BenchMesh,
  payer: Person,
  payee: Person,
  captureMode: CaptureMode,
  expected: IntentState,
): Promise<Intent> {
  const request = CreateIntentRequest.fromPartial({
    requestId: randomUUID(),
    intent: {
      operationType: 'P2P_TRANSFER',
      payer: { party: { $case: 'wallet', wallet: payer.wallet } },
      payee: { party: { $case: 'wallet', wallet: payee.wallet } },
      amount: { assetCode: 'THB', minorUnits: amountMinor },
      captureMode,
    },
  })
  const { intent } = await answered<CreateIntentResponse>((done) =>
    mesh.intents.createIntent(request, payer.metadata, { deadline: Date.now() + 30_000 }, done),
  )
  if (intent?.state !== expected) throw new Error(`a payment ended in state ${intent?.state}`)
  return intent
}
