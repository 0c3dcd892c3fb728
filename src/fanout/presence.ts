// A user came, or went, or may be seen no more: the connections of this node that watch him are told. Section 7. [SEE-4]
import { setTimeout as delay } from 'node:timers/promises'
import type { Hub } from '../hub/hub.js'
import { type createSight, readSightChange } from '../store/conversation/sight.js'
import { outside } from '../store/deadline.js'
import { isUnavailable } from '../store/redis/redis.js'
import { inParts, stepwise } from '../store/redis/steps.js'
import { type createOnline, type Presence, readChange } from '../store/user/online.js'
import { command } from '../stream/say.js'
import { createSightChanges } from './sight-changes.js'

/** Changes of so long, ms, are told together, of each user the last one: who comes and goes all the time costs no more than that. */
const GATHER_MS = 100
/** So many are told in one step: others get their turn in between, however many watch one user. [COST-1] */
const AT_ONCE = 25
/** While the store does not answer. */
const RETRY_MS = 1_000
/** What was published for so long before nobody was heard any more may be lost, too, ms. */
const DOUBT_MS = 180_000
const LOOK_AT_ONCE = 100

interface Floor {
  hub: Pick<Hub, 'print' | 'watchersOf' | 'watchesOf' | 'watchedUsers'>
  sight: ReturnType<typeof createSight>
  online: ReturnType<typeof createOnline>
  now (): number
  log: { error (facts: object, message: string): void }
}

/**
 * Makes the telling of a node.
 * @returns `published(text)`: a script said so (presence.lua, sight.lua); `lost()`: what is said from now on is not heard; `heard()`: it is
 *   again, and what changed meanwhile is looked for.
 */
export function createPresence ({ hub, sight, online, now, log }: Floor) {
  const due = new Map<string, Presence>()
  let isTelling = false
  let isHeard = false
  let lostAt: number | undefined

  const frameOf = (change: Presence) => command('PRESENCE', change, { now: now(), traceId: 'presence' })

  const sights = createSightChanges({ hub, sight, online, frameOf, atOnce: AT_ONCE })

  async function tell (): Promise<void> {
    const changes = [...due.values()]
    due.clear()
    const pairs = changes.flatMap(change => {
      const frame = frameOf(change)
      return hub.watchersOf(change.userId).map(watcher => ({ watcher, userId: change.userId, by: watcher.userId, frame }))
    })
    try {
      await sights.tell()
      await stepwise(inParts(pairs, AT_ONCE).map(some => async () => {
        const may = await sight.maySee(some)
        some.forEach(({ watcher, frame }, i) => { if (may[i]) hub.print(watcher, frame) })
      }))
    } catch (error) {
      if (!isUnavailable(error)) throw error
      changes.forEach(keep) // who was told is told twice
      await delay(RETRY_MS, undefined, { ref: false })
    }
  }

  async function run (): Promise<void> {
    if (isTelling) return
    isTelling = true
    try {
      while (due.size > 0 || sights.waits()) {
        await delay(GATHER_MS, undefined, { ref: false })
        await tell()
      }
    } catch (err) {
      log.error({ err }, 'a bug: who is there could not be told')
    } finally {
      isTelling = false
    }
  }

  /** The newest counts, in whatever order they come. */
  function keep (change: Presence): void {
    const known = due.get(change.userId)
    if (!known || (known.since ?? 0) <= (change.since ?? 0)) due.set(change.userId, change)
  }

  function changed (change: Presence): void {
    if (hub.watchersOf(change.userId).length === 0) return
    keep(change)
    void outside(run)
  }

  async function look (from: number): Promise<void> {
    for (const some of inParts(hub.watchedUsers(), LOOK_AT_ONCE)) {
      for (const found of await online.of(some)) if ((found.since ?? 0) >= from) changed(found)
    }
  }

  /** Since when it is to be looked for: only while it hears, since what is said after the look would be missed. */
  const missedSince = () => isHeard ? lostAt : undefined

  async function catchUp (): Promise<void> {
    for (let from = missedSince(); from !== undefined; from = missedSince()) {
      lostAt = undefined // lost again meanwhile: another look
      try {
        await look(from - DOUBT_MS)
      } catch (err) {
        lostAt = from
        if (!isUnavailable(err)) return log.error({ err }, 'a bug: who is there could not be looked for')
        await delay(RETRY_MS, undefined, { ref: false })
        if (hub.watchedUsers().length === 0) return
      }
    }
  }

  return {
    published (text: string): void {
      const [change, seen] = [readChange(text), readSightChange(text)]
      if (change) changed(change)
      else if (seen && sights.add(seen)) void outside(run)
    },
    lost (): void {
      isHeard = false
      lostAt ??= now()
    },
    heard (): void {
      isHeard = true
      void outside(catchUp)
    }
  }
}
