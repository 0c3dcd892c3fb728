// The webhooks of a node: a lane for each that is there, and none for one that is not any more. [WEBHOOK-4]
import { outside, within } from '../store/deadline.js'
import { isUnavailable } from '../store/redis/redis.js'
import type { Target } from '../store/webhook/targets.js'
import type { Lane } from './lane.js'

/** How often is looked for what others have changed. */
const LOOK_MS = 1_000

interface Floor {
  list (): Promise<Target[]>
  /** Begins the way to a webhook; its `stop` ends it with all that belongs to it. */
  makeLane (target: Target): Lane
  log: { error (facts: object, message: string): void }
}

/** Makes the dispatcher of a node; it runs from `start` to `stop`. */
export function createDispatcher ({ list, makeLane, log }: Floor) {
  const lanes = new Map<string, Lane>()
  let timer: NodeJS.Timeout | undefined
  let looking = Promise.resolve()
  let nextLook: Promise<void> | undefined
  let isStopped = false

  async function compare (): Promise<void> {
    const targets = (await list()).filter(({ disabled, secrets }) => !disabled && secrets.length > 0)
    const wanted = new Map(targets.map(target => [target.id, target]))
    // one that is changed ends before it begins anew: else both would be this node
    await Promise.all([...lanes].map(async ([id, lane]) => {
      if (JSON.stringify(lane.target) === JSON.stringify(wanted.get(id))) return
      await lane.stop()
      lanes.delete(id)
    }))
    for (const target of targets) if (!isStopped && !lanes.has(target.id)) lanes.set(target.id, makeLane(target))
  }

  async function lookNow (): Promise<void> {
    nextLook = undefined
    if (isStopped) return
    await outside(compare).catch((err: unknown) => {
      if (!isUnavailable(err)) log.error({ err }, 'the webhooks could not be read')
    })
  }

  /**
   * Looks when the look that is under way is over; all who wait for that share one: of two at once each would end a lane that is changed,
   * the later one that of the earlier. Never rejects.
   */
  function look (): Promise<void> {
    nextLook ??= looking.then(lookNow)
    looking = nextLook
    return looking
  }

  return {
    look,
    /** Events that are read and not done. */
    waiting: () => [...lanes.values()].reduce((sum, lane) => sum + lane.waiting(), 0),

    /** Looks from now on. @returns when the first look is over, or has taken too long: what happens then is told to all that are known. */
    async start (): Promise<void> {
      timer = setInterval(() => void look(), LOOK_MS)
      await within(look).catch(() => undefined)
    },

    /** Ends all lanes; what is under way has a moment. */
    async stop (): Promise<void> {
      isStopped = true
      clearInterval(timer)
      await looking
      await Promise.all([...lanes.values()].map(lane => lane.stop()))
      lanes.clear()
    }
  }
}
