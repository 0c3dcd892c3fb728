// Who may see whom has changed: those who watch on this node are told how they see it now. [SEE-4]
import type { Hub } from '../hub/hub.js'
import type { Held } from '../hub/waking.js'
import type { createSight, SightChange } from '../store/conversation/sight.js'
import { isUnavailable } from '../store/redis/redis.js'
import { inParts, stepwise } from '../store/redis/steps.js'
import type { createOnline, Presence } from '../store/user/online.js'
import type { Frame } from '../stream/render.js'

/** Changes that wait while the store does not answer; beyond them the oldest is not told. */
const MOST = 1_000

/** `other`: the one of both whom the change does not name; or both are named. */
interface Pair { watcher: Held, userId: string, other: string }

interface Floor {
  hub: Pick<Hub, 'print' | 'watchersOf' | 'watchesOf'>
  sight: ReturnType<typeof createSight>
  online: Pick<ReturnType<typeof createOnline>, 'of'>
  frameOf (change: Presence): Frame
  /** So many are told in one step. */
  atOnce: number
}

const looksOf = (pairs: Pair[]) => pairs.map(({ watcher, userId }) => ({ userId, by: watcher.userId }))

/**
 * Makes the telling of such changes: one who is lost is seen offline since his last change, so that his coming back into sight counts no
 * less; strangers, of whom nothing may be learnt [SEE-3], are told nothing.
 * @returns `add(change)`: false when nobody here watches any of them; `tell()` throws when the store does not answer, and begins again with
 *   that one when it is called again.
 */
export function createSightChanges ({ hub, sight, online, frameOf, atOnce }: Floor) {
  const waiting: SightChange[] = []

  /** Between those of a group who came, or went, and its members. */
  async function pairsOfGroup ({ of, users }: SightChange): Promise<Pair[]> {
    const named = new Set(users)
    const pairs = users.flatMap(user => [
      ...hub.watchersOf(user).map(watcher => ({ watcher, userId: user, other: watcher.userId })),
      ...hub.watchesOf(user).filter(({ userId }) => !named.has(userId)).map(pair => ({ ...pair, other: pair.userId }))
    ])
    const members = new Set(await sight.membersAmong(of, [...new Set(pairs.map(({ other }) => other))]))
    return pairs.filter(({ other }) => named.has(other) || members.has(other))
  }

  /** Of a user, by those whom he has blocked, or not any more. */
  async function pairsOfBlock ({ of, users }: SightChange): Promise<Pair[]> {
    const pairs = hub.watchersOf(of).filter(({ userId }) => users.includes(userId)).map(watcher => ({ watcher, userId: of, other: of }))
    const acquainted = await sight.areAcquainted(looksOf(pairs))
    return pairs.filter((_, i) => acquainted[i])
  }

  const pairsOf = async (change: SightChange) => await (change.of.includes('.') ? pairsOfGroup(change) : pairsOfBlock(change))

  async function tellSome (pairs: Pair[], isLost: boolean): Promise<void> {
    const may = await sight.maySee(looksOf(pairs))
    const changed = pairs.filter((_, i) => may[i] !== isLost)
    const found = await online.of(changed.map(({ userId }) => userId))
    found.forEach((each, i) => {
      const watcher = changed[i]?.watcher
      if (watcher && each.since !== undefined) hub.print(watcher, frameOf({ ...each, online: each.online && !isLost }))
    })
  }

  return {
    add (change: SightChange): boolean {
      if (![change.of, ...change.users].some(id => hub.watchersOf(id).length > 0 || hub.watchesOf(id).length > 0)) return false
      if (waiting.push(change) > MOST) waiting.shift()
      return true
    },

    waits: () => waiting.length > 0,

    /** In order: of one who is lost and found again the later word counts. */
    async tell (): Promise<void> {
      for (let change = waiting.shift(); change; change = waiting.shift()) {
        const { isLost } = change
        try {
          await stepwise(inParts(await pairsOf(change), atOnce).map(some => async () => await tellSome(some, isLost)))
        } catch (error) {
          if (isUnavailable(error)) waiting.unshift(change)
          throw error
        }
      }
    }
  }
}
