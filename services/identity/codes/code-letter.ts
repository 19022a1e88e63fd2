import type { Keyring } from '../../runtime/keyring.js'
import type { Random } from '../../runtime/ids.js'
import type { Secret } from '../../runtime/secret.js'
import type { KeyedHash } from '../keyed-hash.js'
import type { NotificationKind } from '../notifications/notification.js'
import { type SealedNotification, sealNotification } from '../notifications/notification-store.js'
import { type CodePurpose, codeHash, codeLifeMs, newCode } from './code.js'
import type { StoredCode } from './code-store.js'

/** A new code as it is stored, and the notification that brings it. */
export interface CodeLetter {
  code: StoredCode
  notification: SealedNotification
}

export interface CodeLetterDeps {
  keyring: Keyring
  keyedHash: KeyedHash
  random: Random
  newId: () => string
}

export interface CodeLetterTo {
  userId: string
  email: Secret
  purpose: CodePurpose
  kind: NotificationKind
  /** Whether the notification says the code; if not, the code is worth nothing, and made so that the work is the same. */
  saysCode: boolean
  nowMs: number
}

export function writeCodeLetter(deps: CodeLetterDeps, to: CodeLetterTo): CodeLetter {
  const { userId, email, purpose, kind, saysCode, nowMs } = to
  const code = newCode(deps.random)
  const expireTimeMs = nowMs + codeLifeMs
  const notification = { id: deps.newId(), kind, email, code: saysCode ? code : undefined, expireTimeMs }
  return {
    code: { userId, purpose, hash: codeHash(deps.keyedHash, userId, purpose, code), createTimeMs: nowMs, expireTimeMs },
    notification: sealNotification(deps.keyring, notification, nowMs),
  }
}
