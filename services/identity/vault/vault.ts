import { randomBytes } from 'node:crypto'
import type { Email } from '../users/email.js'
import { blindIndex, keyBytes, type Keyring, seal, unseal, type Wrapped } from '../../runtime/keyring.js'
import { Secret } from '../../runtime/secret.js'

/** What is personal about a user, sealed as it is stored. */
export interface SealedPerson {
  dataKey: Wrapped
  email: Buffer
  displayName: Buffer
}

/** Seals and opens what is personal. keyring.ts says how and why. */
export class Vault {
  readonly #keyring: Keyring
  readonly #blindIndexKey: Secret<Buffer>

  constructor(keyring: Keyring, blindIndexKey: Secret<Buffer>) {
    this.#keyring = keyring
    this.#blindIndexKey = blindIndexKey
  }

  /** Seals a new user's fields under a data key made for them. */
  seal(userId: string, person: { email: Secret; displayName: Secret }): SealedPerson {
    const dataKey = new Secret(randomBytes(keyBytes), 'key')
    const sealField = (field: string, value: Secret): Buffer =>
      seal(dataKey, Buffer.from(value.reveal()), context(userId, field))
    return {
      dataKey: this.#keyring.wrap(dataKey, context(userId, 'data_key')),
      email: sealField('email', person.email),
      displayName: sealField('display_name', person.displayName),
    }
  }

  /** Throws SealBrokenError when a value is not what was sealed for this user and field. */
  open(userId: string, sealed: SealedPerson): { email: Secret; displayName: Secret } {
    const dataKey = this.#keyring.unwrap(sealed.dataKey, context(userId, 'data_key'))
    const openField = (field: string, value: Buffer, label: string): Secret =>
      new Secret(unseal(dataKey, value, context(userId, field)).toString(), label)
    return {
      email: openField('email', sealed.email, 'e-mail'),
      displayName: openField('display_name', sealed.displayName, 'name'),
    }
  }

  /** Under which a user with this address is found. */
  emailIndex(email: Email): Buffer {
    return blindIndex(this.#blindIndexKey, 'email', email.normalised)
  }
}

function context(userId: string, field: string): string {
  return `users/${userId}#${field}`
}
