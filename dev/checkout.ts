import { join } from 'node:path'

/** The top of the work tree. This file runs as dist/dev/checkout.js. */
export const checkout = join(import.meta.dirname, '..', '..')
