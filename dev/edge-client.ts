import { type z } from 'zod'

/** What the edge answers when a call fails. */
export class EdgeError extends Error {
  readonly status: number
  /** The reason of the ErrorInfo; empty when the edge itself refused. */
  readonly reason: string

  constructor(call: string, status: number, body: string) {
    super(`${call} answered ${status}: ${body}`)
    this.status = status
    this.reason = /"reason":\s*"([A-Z0-9_]+)"/.exec(body)?.[1] ?? ''
  }
}

const CALL_MAX_MS = 15_000

/** The public API, as any HTTP client sees it. */
export class EdgeClient {
  readonly #url: string
  readonly #token: string | undefined

  constructor(url: string, token?: string) {
    this.#url = url
    this.#token = token
  }

  /** The same API for somebody who signed in. */
  as(token: string): EdgeClient {
    return new EdgeClient(this.#url, token)
  }

  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return schema.parse(JSON.parse(await this.#call('GET', path)))
  }

  async post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    return schema.parse(JSON.parse(await this.#call('POST', path, body)))
  }

  /** The events of a stream (Server-Sent Events), until the server ends it. */
  async events<T>(path: string, schema: z.ZodType<T>): Promise<T[]> {
    const text = await this.#call('GET', path)
    const lines = text.split('\n').filter((line) => line.startsWith('data: '))
    return lines.map((line) => schema.parse(JSON.parse(line.slice('data: '.length))))
  }

  async #call(method: string, path: string, body?: unknown): Promise<string> {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`
    const response = await fetch(this.#url + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_MAX_MS),
    })
    const text = await response.text()
    if (!response.ok) throw new EdgeError(`${method} ${path}`, response.status, text)
    return text
  }
}
