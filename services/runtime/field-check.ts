import { status } from '@grpc/grpc-js'
import { RpcError, type FieldViolation } from './rpc-error.js'

/**
 * Collects what is wrong with a request and throws it all at once, so that a caller mends a form in one round.
 *
 *     const check = new FieldCheck('intent.paymesh')
 *     check.that(request.requestId !== '', 'request_id', 'is required')
 *     check.done()
 */
export class FieldCheck {
  readonly #domain: string
  readonly #violations: FieldViolation[] = []

  constructor(domain: string) {
    this.#domain = domain
  }

  /**
   * Notes a violation unless the condition holds, and answers the condition. `field` is the proto path as the caller
   * knows it ("intent.amount.minor_units"); `description` continues a sentence that begins with the field's name.
   */
  that(condition: boolean, field: string, description: string): boolean {
    if (!condition) this.#violations.push({ field, description })
    return condition
  }

  /** True while nothing wrong was found. */
  get ok(): boolean {
    return this.#violations.length === 0
  }

  /** Throws INVALID_ARGUMENT, reason INVALID_FIELD, with every violation found; returns when there is none. */
  done(): void {
    const [first, ...more] = this.#violations
    if (first === undefined) return
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`
    throw new RpcError({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      domain: this.#domain,
      message: `${first.field} ${first.description}${others}.`,
      fieldViolations: this.#violations,
    })
  }
}
