import type { Keyring } from '../../runtime/keyring.js'
import { noticeLifeMs, type NotificationKind } from '../notifications/notification.js'
import { type SealedNotification, sealNotification } from '../notifications/notification-store.js'
import type { User } from '../users/user.js'

export interface NoticeDeps {
  keyring: Keyring
  newId: () => string
}

/** What the user is told; nothing where the contact is not certainly theirs. */
export function noticeTo(
  deps: NoticeDeps,
  user: Pick<User, 'email' | 'contactVerifyTimeMs'>,
  kind: NotificationKind,
  nowMs: number,
): SealedNotification | undefined {
  if (user.contactVerifyTimeMs === undefined) return undefined
  const notice = { id: deps.newId(), kind, email: user.email, code: undefined, expireTimeMs: nowMs + noticeLifeMs }
  return sealNotification(deps.keyring, notice, nowMs)
}
