import { inspect } from 'node:util'

/**
 * A value that must not be seen: a password, a token, key material, an e-mail address, a name.
 *
 * Everything that turns objects into text (template strings, JSON.stringify, pino, util.inspect, an Error's cause)
 * gets the label in brackets. The value itself leaves only through `reveal`, so a search for that word finds every
 * place where a secret is handled.
 */
export class Secret<T extends string | Buffer = string> {
  readonly #value: T
  readonly #label: string

  /** @param label what stands there instead, such as "password" or "e-mail". */
  constructor(value: T, label = 'secret') {
    this.#value = value
    this.#label = label
  }

  /** The value. Call it where the value is used, never where it is passed on. */
  reveal(): T {
    return this.#value
  }

  toString(): string {
    return `[${this.#label}]`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}
