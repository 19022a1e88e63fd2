import { type Client } from 'tigerbeetle-node'

interface Asked {
  readonly operation: string
  readonly batch: unknown
  resolve(answer: unknown): void
  reject(error: unknown): void
}

/** What the native client rejects with. */
export function requestError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** Stands for the native client: it answers what a test tells it, when it tells it, or never. */
export class ScriptedClient implements Client {
  readonly asked: Asked[] = []
  destroyed = false
  readonly createAccounts: Client['createAccounts'] = this.#operation('createAccounts')
  readonly createTransfers: Client['createTransfers'] = this.#operation('createTransfers')
  readonly lookupAccounts: Client['lookupAccounts'] = this.#operation('lookupAccounts')
  readonly lookupTransfers: Client['lookupTransfers'] = this.#operation('lookupTransfers')
  readonly getAccountTransfers: Client['getAccountTransfers'] = this.#operation('getAccountTransfers')
  readonly getAccountBalances: Client['getAccountBalances'] = this.#operation('getAccountBalances')
  readonly queryAccounts: Client['queryAccounts'] = this.#operation('queryAccounts')
  readonly queryTransfers: Client['queryTransfers'] = this.#operation('queryTransfers')

  destroy(): void {
    this.destroyed = true
    this.failAll('ERR_CLIENT_CLOSED')
  }

  /** The cluster ends the session: every call under way fails. */
  failAll(code: string): void {
    for (const asked of this.asked) asked.reject(requestError(code))
  }

  /** The calls of one kind, in the order they came. */
  of(operation: keyof Client): Asked[] {
    return this.asked.filter((asked) => asked.operation === operation)
  }

  #operation<R>(operation: string): (batch: unknown) => Promise<R[]> {
    return (batch) =>
      new Promise<R[]>((resolve, reject) => {
        this.asked.push({ operation, batch, resolve: resolve, reject })
      })
  }
}
