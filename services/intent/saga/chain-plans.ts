// The chains that an intent may ask for, step by step: pure functions of the stored intent.
import { type Channel } from '../channels/channel.js'
import { type ChainAction, type ChainPlan, type Leg } from './chain.js'
import { limitsOf } from '../decisions/decision.js'
import { type Intent } from '../intents/intent.js'
import { limitUse } from '../limits/limit.js'

// How much longer the Ledger holds than the intent does. As long as this a hold that is over still waits for us to say
// what becomes of it: a payment confirmed in its last second can be posted after a day without the Ledger or without this
// service. Part of the transfers of every hold that was ever made, so never change it.
const graceSeconds = 86_400
// What a provider has, or may have, is not given back because time passed, but by what it says or an operator.
const providerGraceSeconds = 30 * 86_400

/** Step 1: pays at once, or holds. */
export function firstPlan(intent: Intent, channel: Channel): ChainPlan {
  const { holdSeconds, submission } = intent
  const grace = submission === undefined ? graceSeconds : providerGraceSeconds
  const action: ChainAction =
    holdSeconds === undefined ? { kind: 'pay' } : { kind: 'hold', timeoutSeconds: holdSeconds + grace }
  return planOf(intent, action, channel, intent.amountMinor)
}

/** Step 2: posts what was held, or as much of it as is to settle. */
export function postPlan(intent: Intent, channel: Channel, captureMinor: bigint, tryNumber = 0): ChainPlan {
  return planOf(intent, { kind: 'post', tryNumber }, channel, captureMinor)
}

/** Step 3: releases what was held. */
export function voidPlan(intent: Intent, channel: Channel): ChainPlan {
  return planOf(intent, { kind: 'void' }, channel, intent.amountMinor)
}

// Limits come first: over one of them, the answer is that, whatever else the payment lacks.
function planOf(intent: Intent, action: ChainAction, channel: Channel, amountMinor: bigint): ChainPlan {
  const legs = [...limitLegs(intent, amountMinor), ...channel.legs(intent, amountMinor)]
  return { assetCode: intent.assetCode, action, legs }
}

function limitLegs({ decision, limitAccounts }: Intent, amountMinor: bigint): Leg[] {
  return limitsOf(decision).map((limit, index): Leg => {
    const account = limitAccounts[index]
    if (account === undefined) throw new Error(`no account is frozen for the limit ${limit.limitId}`)
    return {
      role: 'limit',
      debitAccount: account.account,
      creditAccount: account.sinkAccount,
      amountMinor: limitUse(limit, amountMinor),
      code: account.code,
      ledger: account.ledger,
    }
  })
}
