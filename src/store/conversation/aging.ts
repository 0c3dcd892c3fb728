// What has had its time leaves a log, by the next message or before somebody looks at it. docs/protocol.md section 2
import { keys } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { isFull } from '../redis/full.js'
import { isWhole, whole } from '../redis/readable.js'
import { defineScript } from '../script/scripts.js'

const ageLog = defineScript('age-log', {
  full: 'done',
  preludes: ['life', 'down', 'member', 'direct', 'index', 'leaving'],
  keys: ['conversation', 'members', 'log'],
  args: [...downArgs, 'id', 'logMs']
})

const DAY_MS = 86_400_000

/** The facts of a conversation by which it is known whether anything there has had its time. */
export const ageFacts = ['lastTs', 'firstTs', 'createdAt'] as const

/** Makes what lets messages go that have had their time. */
export function createAging (store: StoreContext) {
  const { redis, limits } = store
  const logMs = limits.logSec * 1000

  /** @returns the moment before which what was sent has had its time, by whole days: as index.lua computes it. */
  function keptFrom (): number {
    const day = Math.min(DAY_MS, logMs)
    return Math.floor((store.now() - logMs) / day) * day
  }

  return {
    keptFrom,

    /** Whether anything may have had its time, by the `ageFacts` of a conversation. */
    isDue ([lastTs, firstTs, createdAt]: (string | null | undefined)[]): boolean {
      return isWhole(lastTs) && (isWhole(firstTs) ? whole(firstTs) : whole(createdAt)) < keptFrom()
    },

    /** Lets go of all that has had its time in a conversation, in steps. A full disk lets nothing go: then it stays. [STORE-2] */
    async settle (id: string): Promise<void> {
      const run = () => ageLog(redis, {
        conversation: keys.conversation(id),
        members: keys.members(id),
        log: keys.log(id)
      }, { ...downValues(store), id, logMs })
      try {
        while ((await run())[1] === 1);
      } catch (error) {
        if (!isFull(error)) throw error
      }
    }
  }
}
