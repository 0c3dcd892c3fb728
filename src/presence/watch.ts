// Waiting for events: one look at the stream for all who wait on this node, and none while nobody waits. Section 8.
import { outside } from '../store/deadline.js'
import { type Events, compareIds } from '../store/user/events.js'

const LOOK_MS = 200

interface Waiter { after: string, wake (): void }

/** Makes the watch of a node. */
export function createWatch ({ events }: { events: Pick<Events, 'last'> }) {
  const waiters = new Set<Waiter>()
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function look (): Promise<void> {
    const last = await events.last().catch(() => undefined) // the store is away: they wait on
    for (const { after, wake } of [...waiters]) if (last !== undefined && compareIds(last, after) > 0) wake()
    timer = waiters.size > 0 ? setTimeout(() => void look(), LOOK_MS) : undefined
  }

  return {
    /** Resolves when there is something after a position, after `timeoutMs`, or when the node goes down. */
    async until (after: string, timeoutMs: number): Promise<void> {
      if (isStopped || timeoutMs <= 0) return
      await new Promise<void>(resolve => {
        const end = setTimeout(wake, timeoutMs)
        const waiter = { after, wake }
        function wake (): void {
          clearTimeout(end)
          waiters.delete(waiter)
          resolve()
        }
        waiters.add(waiter)
        timer ??= setTimeout(() => void outside(look), LOOK_MS)
      })
    },

    /** Whether nobody waits here any more: the node goes down. */
    hasStopped: () => isStopped,

    /** Lets all go who wait, and those who still come. */
    stop (): void {
      isStopped = true
      for (const { wake } of [...waiters]) wake()
      clearTimeout(timer)
    }
  }
}

export type Watch = ReturnType<typeof createWatch>
