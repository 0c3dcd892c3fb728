// Answers of the server API by Idempotency-Key: a write that is sent again gets the first answer again. docs/protocol.md section 8.
import { hash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Problem } from '../../protocol/problem.js'
import { forgetEffects, outside } from '../deadline.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { isOfAnotherType } from '../redis/readable.js'
import { placeOf } from '../redis/sound.js'
import { setValue } from '../script/value.js'
import { seal, unseal } from '../sealed.js'

/**
 * The first request holds the key for so long; if its node dies meanwhile, or never hears that it holds it, a retry runs anew.
 * Longer than any request takes.
 */
const CLAIM_MS = 5_000
const WAIT_MS = 2_000
const ASK_MS = 25

/** The key as sent, and a digest of what makes two requests the same. */
interface Asked { key: string, fingerprint: string }

/** What is done once. `isFinal`: whether its answer is kept; one that is not, says what must be asked again. */
export interface Effect<Result> { run (): Promise<Result>, isFinal? (result: Result): boolean }

export type Idempotency = ReturnType<typeof createIdempotency>

/** Makes the memory of answers. It lasts `dedupeSec`; a refused request leaves none, so that the corrected one may use the key. */
export function createIdempotency ({ redis, limits, onUnreadable }: Pick<StoreContext, 'redis' | 'limits' | 'onUnreadable'>) {
  async function perform<Result> (place: string, { key, fingerprint }: Asked, { run, isFinal }: Effect<Result>): Promise<Result> {
    const forget = async () => await outside(() => redis.del(place)).catch(() => undefined) // it ends by itself soon
    const result = await run().catch(async (error: unknown) => {
      await forget()
      throw error
    })
    if (isFinal?.(result) === false) {
      await forget()
      return result
    }
    await setValue(redis, place, [`${fingerprint} ${seal(secretOf(key), JSON.stringify(result))}`, 'EX', limits.dedupeSec])
    return result
  }

  /** Of an answer that cannot be read nobody knows what was done: it is not done twice. */
  function unknown (place: string): never {
    onUnreadable?.(placeOf(place))
    throw new Problem('IDEMPOTENCY_KEY_REUSED', { detail: 'The answer to the first request cannot be read any more' })
  }

  return {
    /**
     * Runs an effect once per key. While the first is under way, others with its key wait for it, 2 s at most. The effect must
     * be idempotent by itself, too: after a crash between it and its answer a retry runs it again.
     * @returns its result, the first one again for a retry (`isReplay`). Throws IDEMPOTENCY_KEY_REUSED for another request, or when the
     *   first answer cannot be read, IDEMPOTENCY_KEY_IN_USE when the first takes too long, and what the effect throws.
     */
    async run<Result> (asked: Asked, effect: Effect<Result>): Promise<{ result: Result, isReplay: boolean }> {
      const place = keys.idempotency(hash('sha256', asked.key))
      // where an answer will stand there is nothing yet
      const mine = `${asked.fingerprint} `
      for (const end = performance.now() + WAIT_MS; performance.now() < end; await setTimeout(ASK_MS)) {
        const before = await setValue(redis, place, [mine, 'PX', CLAIM_MS, 'NX', 'GET']).catch((error: unknown) => {
          if (isOfAnotherType(error)) return ''
          throw error
        })
        forgetEffects()
        if (before === null) return { result: await perform(place, asked, effect), isReplay: false }
        const [fingerprint = '', sealed] = before.split(' ')
        if (!/^\S{22}$/.test(fingerprint)) return unknown(place)
        if (fingerprint !== asked.fingerprint) throw new Problem('IDEMPOTENCY_KEY_REUSED')
        const answer = sealed && unseal(secretOf(asked.key), sealed)
        if (answer === null) return unknown(place)
        if (answer) return { result: JSON.parse(answer) as Result, isReplay: true }
      }
      throw new Problem('IDEMPOTENCY_KEY_IN_USE')
    }
  }
}

/** An answer may hold a token: only who knows the key can read it, as only a digest of a ticket is kept. */
const secretOf = (key: string) => `answer of ${key}`
