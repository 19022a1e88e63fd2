import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../runtime/clock.js'
import type { Secret } from '../../runtime/secret.js'
import type { KycProvider } from './kyc-provider.js'

export interface HttpKycProviderOptions {
  url: string
  /** Signs what is sent. */
  key: Secret<Buffer>
  clock: Clock
  /** 10 s when absent. */
  timeoutMs?: number
}

const timeoutMsDefault = 10_000
// An answer is two words; whoever sends more does not speak this protocol.
const answerBytesMax = 4096

const answerSchema = z.object({
  finding: z.enum(['CLEAR', 'SUSPECT', 'UNREADABLE']),
  reference: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
})

/**
 * Asks a provider over HTTP: POST of `{"case", "level", "documents": [{"kind", "sha256", "sizeBytes"}]}`, signed as
 * notifications are, `webhook-id` being the case. Anything but 200 with a finding and a reference rejects.
 */
export function httpKycProvider({ url, key, clock, timeoutMs }: HttpKycProviderOptions): KycProvider {
  return {
    check: async ({ id, level, documents }) => {
      const listed = documents.map(({ kind, digest, sizeBytes }) => ({
        kind,
        sha256: digest.toString('hex'),
        sizeBytes,
      }))
      const body = JSON.stringify({ case: id, level, documents: listed })
      const timestamp = Math.floor(clock.nowMs() / 1000)
      const mac = createHmac('sha256', key.reveal()).update(`${id}.${timestamp}.${body}`).digest('base64')
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': `v1,${mac}`,
        },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs ?? timeoutMsDefault),
      })
      if (response.status !== 200) {
        await response.body?.cancel()
        throw new Error(`the KYC provider answered ${response.status}`)
      }
      const answer = answerSchema.safeParse(parseJson(await readText(response)))
      // What it says instead could be anything, and is not repeated.
      if (!answer.success) throw new Error('the KYC provider answered something else than a finding')
      return answer.data
    },
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    const bytes = z.instanceof(Uint8Array).parse(chunk)
    size += bytes.length
    if (size > answerBytesMax) throw new Error('the KYC provider answered too much')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
