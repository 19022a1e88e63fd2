import type { Clock } from '../../runtime/clock.js'
import type { Logger } from '../../runtime/logger.js'
import type { Notification, Notifier } from './notification.js'
import type { NotificationStore } from './notification-store.js'

export interface NotificationDeliveryDeps {
  store: NotificationStore
  notifier: Notifier
  clock: Clock
  log: Logger
}

/** How many are handed over at once. */
const batchMax = 16

/** Hands notifications over: each at least once while it is of use. Any number of replicas may do so at once. */
export class NotificationDelivery {
  readonly #deps: NotificationDeliveryDeps

  constructor(deps: NotificationDeliveryDeps) {
    this.#deps = deps
  }

  /** One round; true when there may be more at once. */
  async deliver(): Promise<boolean> {
    const { store, clock } = this.#deps
    const taken = await store.take(clock.nowMs(), batchMax)
    await Promise.all(taken.map((notification) => this.#handOver(notification)))
    return taken.length === batchMax
  }

  async #handOver(notification: Notification): Promise<void> {
    const { store, notifier, clock, log } = this.#deps
    if (notification.expireTimeMs > clock.nowMs() && notification.kind !== 'NOTHING') {
      try {
        await notifier.send(notification)
      } catch (error) {
        const { id, kind } = notification
        log.warn({ err: error, notification: id, kind }, 'a notification was not taken and will be tried again')
        return
      }
    }
    await store.remove(notification.id)
  }
}
