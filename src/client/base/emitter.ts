// Events to typed listeners, and to iterators that are bounded.
import { IrisError } from './error.js'
import type { Events, IrisEvent } from './types.js'

/** So many events an iterator may lag. */
const LAG = 1000

type Hearer = <K extends keyof Events>(type: K, data: Events[K]) => void

/** @returns `on`, `emit`, `iterate` and `end`: what has been emitted so far is what iterators still bring. */
export function createEmitter () {
  const hearers = new Set<Hearer>()
  let isOver = false

  function hear (hearer: Hearer): () => void {
    hearers.add(hearer)
    return () => void hearers.delete(hearer)
  }

  // each has an entry of its own: who listens twice hears twice, and ends each by itself
  const on = <K extends keyof Events>(type: K, listener: (data: Events[K]) => void): () => void =>
    hear((said, data) => { if (said as string === type) listener(data as never) })

  const emit: Hearer = (type, data) => {
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

  async function * iterate (): AsyncGenerator<IrisEvent, undefined> {
    const items: IrisEvent[] = []
    let wake: (() => void) | undefined
    const leave = hear((type, data) => {
      if (type === 'frame') return
      items.push({ type, data } as IrisEvent)
      if (items.length > LAG) leave()
      wake?.()
    })
    try {
      for (;;) {
        if (items.length > LAG) throw new IrisError('TOO_SLOW', `${LAG} events behind: do less in the loop`)
        const event = items.shift()
        if (event) yield event
        else if (isOver) return undefined
        else await new Promise<void>(resolve => { wake = resolve })
      }
    } finally {
      leave()
    }
  }

  return { on, emit, iterate, end: () => { isOver = true } }
}
