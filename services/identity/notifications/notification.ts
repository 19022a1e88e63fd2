import type { Secret } from '../../runtime/secret.js'

/** What a person is told. The words are whoever delivers it's, who knows the person's language. */
export type NotificationKind =
  /** Here is the code that proves that this contact is yours. */
  | 'CONTACT_CODE'
  /** Somebody registered with your contact; you have an account. If it was you, sign in, or reset the password. */
  | 'ALREADY_REGISTERED'
  /** Here is the code with which to set a new password. */
  | 'PASSWORD_RESET_CODE'
  /** Your password was changed. */
  | 'PASSWORD_CHANGED'
  /** Here is the code with which to bind a device or set a PIN. */
  | 'DEVICE_CODE'
  /** A device was bound to your account. */
  | 'DEVICE_BOUND'
  /** A device was unbound from your account. */
  | 'DEVICE_UNBOUND'
  /** Your PIN was set or changed. */
  | 'PIN_CHANGED'
  /** Told to nobody: stored so that an address that nobody has costs the same. */
  | 'NOTHING'

/** Something to tell to a person, through their contact. */
export interface Notification {
  /** UUIDv7; the same on every attempt, so that who delivers can tell a repeat. */
  id: string
  kind: NotificationKind
  email: Secret
  /** With a code only. */
  code: Secret | undefined
  /** Later than this it is not delivered. */
  expireTimeMs: number
}

/** How long a notice without a code is tried. */
export const noticeLifeMs = 24 * 60 * 60_000

/** Delivers to people: a seam for mail, text messages and push. */
export interface Notifier {
  /** Resolves when it was handed over for good; rejects when it should be tried again. Must not log what it is given. */
  send(notification: Notification): Promise<void>
}
