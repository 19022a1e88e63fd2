import { User as UserMessage } from '../../../gen/paymesh/identity/v1/user_service.js'
import { type User, userName } from '../users/user.js'
import { timestamp } from './timestamp.js'

/** The user as the contract shows it, to the user. */
export function userMessage(user: User): UserMessage {
  return UserMessage.fromPartial({
    name: userName(user.id),
    email: user.email.reveal(),
    displayName: user.displayName.reveal(),
    roles: [...user.roles],
    createTime: timestamp(user.createTimeMs),
    ...(user.contactVerifyTimeMs !== undefined && { contactVerifyTime: timestamp(user.contactVerifyTimeMs) }),
  })
}
