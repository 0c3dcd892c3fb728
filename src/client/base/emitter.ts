// Events to typed listeners, and to iterators that are bounded.
import { IrisError } from './error.js'
import type { Events, IrisEvent } from './types.js'

/** So many events an iterator may lag. */
const LAG = 1000

const slow = new IrisError('TOO_SLOW', `${LAG} events behind: do less in the loop; close(), then connect(), goes on where it was`)

interface Queue { items: IrisEvent[], isSlow: boolean, wake (): void, leave (): void }
type Hearer = <K extends keyof Events>(type: K, data: Events[K]) => void

/**
 * @returns `on`; `emit`; `iterate`; `whenHandled(work)`: works when loops have handled all so far; `end`: what has been emitted so far is
 *   what iterators still bring
 */
export function createEmitter () {
  const hearers = new Set<Hearer>()
  let isOver = false
  let count = 0
  /** What loops have not handled yet; of one that was left what it has not brought: the next one goes on with that. */
  const queues = new Set<Queue>()
  const left: Queue[] = []
  const marks: { at: number, work (): void }[] = []

  function settle (): void {
    const handled = count - Math.max(0, ...[...queues].map(({ isSlow, items }) => isSlow ? Infinity : items.length))
    let due
    while (marks[0] && marks[0].at <= handled) due = marks.shift()
    due?.work()
  }

  function whenHandled (work: () => void): void {
    // behind a loop that has stopped they would be without an end: a later one does for one before it
    if (marks.at(-1)?.at === count || marks.length > LAG) marks.pop()
    marks.push({ at: count, work })
    settle()
  }

  function hear (hearer: Hearer): () => void {
    hearers.add(hearer)
    return () => void hearers.delete(hearer)
  }

  // each has an entry of its own: who listens twice hears twice, and ends each by itself
  const on = <K extends keyof Events>(type: K, listener: (data: Events[K]) => void): () => void =>
    hear((said, data) => { if (said as string === type) listener(data as never) })

  const emit: Hearer = (type, data) => {
    if (type !== 'frame') count++
    // who begins to listen meanwhile hears the next one; who has ended it hears no more
    for (const hearer of [...hearers]) {
      if (!hearers.has(hearer)) continue
      try {
        hearer(type, data)
      } catch (error) {
        // the application's own: it is thrown where nothing of the client breaks with it
        setTimeout(() => { throw error })
      }
    }
  }

  function openQueue (): Queue {
    const queue: Queue = { items: [], isSlow: false, wake: () => undefined, leave: () => queues.delete(queue) && unhear() }
    const unhear = hear((type, data) => {
      if (type === 'frame') return
      queue.items.push({ type, data } as IrisEvent)
      if (queue.items.length > LAG + 1) { // one is in the loop
        unhear()
        queue.isSlow = true
        const at = left.indexOf(queue)
        // no loop follows: there are listeners instead
        if (at >= 0) left.splice(at, 1)[0]?.leave()
      }
      queue.wake()
    })
    queues.add(queue)
    return queue
  }

  async function * iterate (): AsyncGenerator<IrisEvent, undefined> {
    const queue = left.shift() ?? openQueue()
    const { items } = queue
    try {
      for (;;) {
        if (queue.isSlow) throw slow
        const [event] = items
        if (event) {
          yield event
          items.shift() // who asks for the next one has handled it
          settle()
        } else if (isOver) return undefined
        else await new Promise<void>(resolve => { queue.wake = resolve })
      }
    } finally {
      items.shift() // the application has it
      // behind what was dropped nothing counts as handled any more
      if (queue.isSlow) items.length = 0
      else if (items.length && !isOver) left.push(queue)
      else queue.leave()
    }
  }

  return { on, emit, iterate, whenHandled, end: () => { isOver = true } }
}
