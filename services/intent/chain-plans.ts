// The chains that an intent may ask for, step by step: pure functions of the stored intent.
import { type Channel } from './channels/channel.js'
import { type ChainAction, type ChainPlan } from './chain.js'
import { type Intent } from './intent.js'

// How much longer the Ledger holds than the intent does. As long as this a hold that is over still waits for us to say
// what becomes of it: a payment confirmed in its last second can be posted after a day without the Ledger or without this
// service. Part of the transfers of every hold that was ever made, so never change it.
const graceSeconds = 86_400

/** Step 1: pays at once, or holds. */
export function firstPlan(intent: Intent, channel: Channel): ChainPlan {
  const { holdSeconds } = intent
  const action: ChainAction =
    holdSeconds === undefined ? { kind: 'pay' } : { kind: 'hold', timeoutSeconds: holdSeconds + graceSeconds }
  return planOf(intent, action, channel.legs(intent, intent.amountMinor))
}

/** Step 2: posts what was held, or as much of it as is to settle. */
export function postPlan(intent: Intent, channel: Channel, captureMinor: bigint): ChainPlan {
  return planOf(intent, { kind: 'post' }, channel.legs(intent, captureMinor))
}

/** Step 3: releases what was held. */
export function voidPlan(intent: Intent, channel: Channel): ChainPlan {
  return planOf(intent, { kind: 'void' }, channel.legs(intent, intent.amountMinor))
}

function planOf(intent: Intent, action: ChainAction, legs: ChainPlan['legs']): ChainPlan {
  return { assetCode: intent.assetCode, action, legs }
}
