import { type AccountEvent } from './state-machine/account.js'

/** What asks the engine for an account that nothing has moved yet. */
export function newAccountEvent(id: bigint, ledger: number, code: number, flags: number): AccountEvent {
  return {
    id,
    debitsPending: 0n,
    debitsPosted: 0n,
    creditsPending: 0n,
    creditsPosted: 0n,
    userData128: 0n,
    userData64: 0n,
    userData32: 0,
    reserved: 0,
    ledger,
    code,
    flags,
    timestamp: 0n,
  }
}
