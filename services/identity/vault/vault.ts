import { randomBytes } from 'node:crypto'
import type { Email } from '../users/email.js'
import { keyBytes, type Keyring, seal, unseal, type Wrapped } from '../../runtime/keyring.js'
import { Secret } from '../../runtime/secret.js'
import type { KeyedHash } from '../keyed-hash.js'

/** What is personal about a user, sealed as it is stored. */
export interface SealedPerson {
  dataKey: Wrapped
  email: Buffer
  displayName: Buffer
}

/** Seals and opens what is personal. keyring.ts says how and why. */
export class Vault {
  readonly #keyring: Keyring
  readonly #keyedHash: KeyedHash

  constructor(keyring: Keyring, keyedHash: KeyedHash) {
    this.#keyring = keyring
    this.#keyedHash = keyedHash
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

  /** Seals another field of a user under the user's data key; `field` names it, with its record where it has one. */
  sealField(userId: string, dataKey: Wrapped, field: string, value: Secret): Buffer {
    return this.sealBytes(userId, dataKey, field, Buffer.from(value.reveal()))
  }

  /** Opens what `sealField` sealed. Throws SealBrokenError. */
  openField(userId: string, dataKey: Wrapped, field: string, sealed: Buffer): Secret {
    return new Secret(this.openBytes(userId, dataKey, field, sealed).toString(), 'personal')
  }

  /** As `sealField`, of what is no text. */
  sealBytes(userId: string, dataKey: Wrapped, field: string, plain: Buffer): Buffer {
    return seal(this.#dataKeyOf(userId, dataKey), plain, context(userId, field))
  }

  /** Opens what `sealBytes` sealed. Throws SealBrokenError. */
  openBytes(userId: string, dataKey: Wrapped, field: string, sealed: Buffer): Buffer {
    return unseal(this.#dataKeyOf(userId, dataKey), sealed, context(userId, field))
  }

  #dataKeyOf(userId: string, dataKey: Wrapped): Secret<Buffer> {
    return this.#keyring.unwrap(dataKey, context(userId, 'data_key'))
  }

  /** Under which users with this address are found. */
  emailIndex(email: Email): Buffer {
    return this.#keyedHash.of('email', email.normalised)
  }

  /**
   * The salt of passwords of users with this address. Unlike for any other address, unknown to who lacks the key, and the
   * same for all who wrote the address: so checking a password against all of them costs one hash.
   */
  passwordSalt(email: Email): Buffer {
    return this.#keyedHash.of('password_salt', email.normalised).subarray(0, 16)
  }
}

function context(userId: string, field: string): string {
  return `users/${userId}#${field}`
}
