import pg from 'pg'
import { UndecidedError } from '../engine.js'
import { eventually } from './harness.js'

/** Why a call was not decided. */
export async function undecided(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    if (error instanceof UndecidedError) return error.reason
    throw error
  }
  return 'decided'
}

/** A database session outside the engine, which can stand in the writer's way. */
export class Bystander {
  readonly client: pg.Client

  private constructor(client: pg.Client) {
    this.client = client
  }

  static async connect(url: string): Promise<Bystander> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    return new Bystander(client)
  }

  /** Every batch from now on waits for this session. */
  async holdHead(): Promise<void> {
    await this.client.query('begin')
    await this.client.query('select 1 from ledger_head for update')
  }

  async releaseHead(): Promise<void> {
    await this.client.query('rollback')
  }

  /** Resolves when a batch of the writer waits for this session. */
  async batchWaits(): Promise<void> {
    await eventually(async () => {
      // Within a transaction the server shows this view as it was at the first look.
      await this.client.query('select pg_stat_clear_snapshot()')
      const { rowCount } = await this.client.query(
        `select 1 from pg_stat_activity
        where application_name = 'ledger-writer' and wait_event_type = 'Lock' and datname = current_database()`,
      )
      return rowCount === 1
    }, 'a batch waits')
  }

  /** Ends the writer's connection, as a failing network or an operator does. */
  async cutWriter(): Promise<void> {
    await this.client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'ledger-writer' and datname = current_database()`,
    )
  }
}
