import type { Pool } from 'pg'
import type { Trials } from '../trials.js'
import type { DecideDeps } from './decide.js'

/** What the handlers of RuleSetService need. */
export interface RuleSetDeps extends DecideDeps {
  readonly pool: Pool
  readonly trials: Pick<Trials, 'run'>
  /** A new draft's id, a UUID. */
  newDraftId(): string
}
