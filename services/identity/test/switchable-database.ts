import pg from 'pg'

/** Makes a database unreachable for everybody but itself, and reachable again. */
export class SwitchableDatabase {
  readonly #client: pg.Client

  private constructor(client: pg.Client) {
    this.#client = client
  }

  static async connect(url: string): Promise<SwitchableDatabase> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    return new SwitchableDatabase(client)
  }

  async goAway(): Promise<void> {
    await this.#limitConnections(0)
    await this.#client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
  }

  async comeBack(): Promise<void> {
    await this.#limitConnections(-1)
  }

  async close(): Promise<void> {
    await this.#client.end()
  }

  async #limitConnections(countMax: number): Promise<void> {
    const { rows } = await this.#client.query<{ name: string }>('select quote_ident(current_database()) as name')
    await this.#client.query(`alter database ${rows[0]!.name} connection limit ${countMax}`)
  }
}
