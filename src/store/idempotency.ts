// Answers of the server API by Idempotency-Key: a write that is sent again gets the first answer again. docs/protocol.md section 8.
import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Problem } from '../protocol/problem.js'
import type { StoreContext } from './context.js'
import { outside } from './deadline.js'
import { keys } from './keys.js'
import { setValue } from './value.js'

/** The first request holds the key for so long; if its node dies meanwhile, or never hears that it holds it, a retry runs anew. Longer than any request takes. */
const CLAIM_MS = 5_000
const WAIT_MS = 2_000
const ASK_MS = 25
const CIPHER = 'aes-256-gcm'
const [IV_BYTES, TAG_BYTES] = [12, 16]

/** The key as sent, and a digest of what makes two requests the same. */
interface Asked { key: string, fingerprint: string }

export type Idempotency = ReturnType<typeof createIdempotency>

/** Makes the memory of answers. It lasts `dedupeSec`; a refused request leaves none, so that the corrected one may use the key. */
export function createIdempotency ({ redis, limits }: Pick<StoreContext, 'redis' | 'limits'>) {
  async function perform<Result> (place: string, { key, fingerprint }: Asked, effect: () => Promise<Result>): Promise<Result> {
    const result = await effect().catch(async (error: unknown) => {
      await outside(() => redis.del(place)).catch(() => undefined) // it ends by itself soon
      throw error
    })
    await setValue(redis, place, [`${fingerprint} ${seal(key, JSON.stringify(result))}`, 'EX', limits.dedupeSec])
    return result
  }

  return {
    /**
     * Runs an effect once per key. While the first is under way, others with its key wait for it, 2 s at most. The effect must
     * be idempotent by itself, too: after a crash between it and its answer a retry runs it again.
     * @returns its result, the first one again for a retry (`isReplay`). Throws IDEMPOTENCY_KEY_REUSED for another request,
     *   IDEMPOTENCY_KEY_IN_USE when the first takes too long, and what the effect throws.
     */
    async run<Result> (asked: Asked, effect: () => Promise<Result>): Promise<{ result: Result, isReplay: boolean }> {
      const place = keys.idempotency(hash('sha256', asked.key))
      // where an answer will stand there is nothing yet
      const mine = `${asked.fingerprint} `
      for (const end = performance.now() + WAIT_MS; performance.now() < end; await setTimeout(ASK_MS)) {
        const before = await setValue(redis, place, [mine, 'PX', CLAIM_MS, 'NX', 'GET'])
        if (before === null) return { result: await perform(place, asked, effect), isReplay: false }
        const [fingerprint, sealed] = before.split(' ')
        if (fingerprint !== asked.fingerprint) throw new Problem('IDEMPOTENCY_KEY_REUSED')
        if (sealed) return { result: JSON.parse(unseal(asked.key, sealed)) as Result, isReplay: true }
      }
      throw new Problem('IDEMPOTENCY_KEY_IN_USE')
    }
  }
}

/** An answer may hold a token: it is kept so that only who knows the key can read it, as only a digest of a ticket is kept. */
function seal (key: string, text: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, secretOf(key), iv)
  const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64')
}

function unseal (key: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64')
  const decipher = createDecipheriv(CIPHER, secretOf(key), bytes.subarray(0, IV_BYTES)).setAuthTag(bytes.subarray(-TAG_BYTES))
  return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
}

const secretOf = (key: string) => hash('sha256', `answer of ${key}`, 'buffer')
