// The lives of a store: what comes back may be without its last moments, and then no number that was seen may mean anything else. [STORE-1]
import { randomUUID } from 'node:crypto'
import { Problem } from '../../protocol/problem.js'
import { keys } from '../keys.js'
import { whole } from '../redis/readable.js'
import type { Redis } from '../redis/redis.js'
import { reasons } from '../redis/redis-errors.js'
import { defineScript } from '../script/scripts.js'

const beginLife = defineScript('begin-life', {
  full: 'done',
  preludes: ['life', 'run'],
  keys: ['life', 'run', 'mark', 'found', 'nodes'],
  args: ['node', 'seenRun', 'seenMark', 'agoMs', 'touchMs', 'known', 'oweMs', 'sealed', 'seenLife']
})

const leaveLife = defineScript('leave-life', { full: 'done', preludes: ['run'], keys: ['nodes'], args: ['node'] })

const settledRun = defineScript('settled-run', { full: 'reads', preludes: ['run'], keys: ['run'], args: [] })

/** An epoch is a time and a partition: see `new_epoch` in down.lua. */
const EPOCHS_PER_MS = 4_096
/** Whether a life that began then (ms) can have such a mark: see life.lua. */
const isMarkOf = (began: number, mark: number) => mark >= began * EPOCHS_PER_MS && mark - began * EPOCHS_PER_MS < 2 ** 44
/** So long other nodes have to come back and say what they have seen; nothing is served before, another life begins after. */
const OWE_MS = 3_000
/** Who was away for longer before a Redis ended does not know who else had worked with it by then, and is no witness. */
const TOUCH_MS = 10_000

/**
 * Why another life begins. `record`: that of the life is gone or older, or cannot be read;
 * `lost`: a mark that was seen is not there; another run, and `unwitnessed`: nobody is left who
 * knows what was seen, `silent`: not all say so in time; `elsewhere`: another node knows.
 */
export type Why = 'record' | 'lost' | 'unwitnessed' | 'silent' | 'elsewhere'
/** A life: when it began, ms. */
export interface Begun { life: number, why: Why }

interface Witness { node?: string, elapsed?: () => number, isSealed?: boolean | undefined, onBegun?: (begun: Begun) => void }

export type Life = ReturnType<typeof createLife>

/**
 * Makes the memory of a store's lives. What was written before the present one keeps its content, but streams and logs
 * get other epochs: a number that a client has seen may be given anew, and a cursor must not resume behind it.
 * No policy of Redis' is taken for a proof that nothing was lost: the marks that nodes have seen are compared with what is there.
 * @param clock knows the time that this process has heard of, 0 for none, ms: a life is never older than that.
 * @param witness `node`: the name under which others tell it what they have written. `elapsed`:
 *   a clock that nobody sets, ms. `isSealed`: what is found first is known to be all that was there before.
 *   `onBegun` is called at once when another life has begun than this node knew,
 *   or by its own word, whatever becomes of the connection then.
 */
export function createLife (redis: Redis, clock: {
  known (): number
}, { node = '', elapsed = () => performance.now(), isSealed = false, onBegun = () => undefined }: Witness = {}) {
  /** This process: one that is started anew under the same name has seen nothing. */
  const self = `${node}/${randomUUID()}`
  const seen = { run: '', mark: 0, at: elapsed() }
  let startedAt: number | undefined
  let others: string[] = []
  let sealed = isSealed

  return {
    /** A mark came along with an answer, or with what another node published: what it was given for is here, or another life must begin. */
    saw (mark: unknown): void {
      const number = whole(String(mark))
      // one that the script would not take can never be found again: other lives would begin for ever.
      // Before the first is known nothing is served
      if (startedAt !== undefined && isMarkOf(startedAt, number) && number > seen.mark) seen.mark = number
    },

    /** The highest mark that this node has seen: a step gives out no number where that is not there any more. */
    seenMark: () => seen.mark,

    /**
     * Says what this node has seen, and learns whether the life goes on. To be called before anything else is done with a
     * connection, and then every second, so that others know who is at work.
     * @returns whether what was written meanwhile may not have been told to it: another life has begun since it looked last,
     *   or others did not know that it is at work. Throws STORE_UNAVAILABLE while another node owes its word.
     */
    async begin (): Promise<boolean> {
      const { life: key, run, mark, found, nodes } = keys
      const asked = elapsed()
      const agoMs = Math.ceil(asked - seen.at)
      const [, life, thisRun, top, owing, at, why, wasKnown] = await beginLife(redis, { life: key, run, mark, found, nodes },
        {
          node: self,
          seenRun: seen.run,
          seenMark: seen.mark,
          agoMs,
          touchMs: TOUCH_MS,
          known: clock.known(),
          oweMs: OWE_MS,
          sealed: Number(sealed),
          seenLife: startedAt ?? 0
        }, others)
      sealed = false
      others = at as string[]
      // until then this node may have to speak again, of the run before
      if (Number(owing) > 0) throw new Problem('STORE_UNAVAILABLE', { detail: reasons.owing.why })
      const isAnother = startedAt !== undefined && Number(life) !== startedAt
      const isUntold = isAnother || (startedAt !== undefined && wasKnown === 0)
      if (isAnother || why !== '') onBegun({ life: Number(life), why: why === '' ? 'elsewhere' : why as Why })
      startedAt = Number(life)
      seen.at = asked
      seen.run = String(thisRun)
      seen.mark = Math.max(isMarkOf(startedAt, seen.mark) ? seen.mark : 0, Number(top))
      return isUntold
    },

    /**
     * This node ends in order: it has seen nothing that its answer does not follow.
     * Where it has not said yet what it saw, it stays a witness.
     */
    async leave (): Promise<void> { await leaveLife(redis, { nodes: keys.nodes }, { node: self }) },

    /** @returns the epoch of a log that was born at `epoch`: the present life's when that began later. */
    epochOf: (epoch: string) => String(Math.max(whole(epoch), (startedAt ?? 0) * EPOCHS_PER_MS))
  }
}

/**
 * To be asked when nothing writes any more, before the private Redis of this process is ended.
 * @returns whether it is known to have all that was ever there, and to keep it:
 *   its life was settled with this run, and its files take what it writes.
 */
export async function isWhole (redis: Redis): Promise<boolean> {
  const [[, isSettled], persistence] = await Promise.all([settledRun(redis, { run: keys.run }, {}), redis.info('persistence')])
  return isSettled === 1 && persistence.includes('aof_last_write_status:ok')
}
