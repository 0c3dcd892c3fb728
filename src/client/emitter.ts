// Events to typed listeners, and to iterators that are bounded.
import { IrisError } from './error.js'
import type { Events, IrisEvent } from './types.js'

/** So many events an iterator may lag. */
const LAG = 1000

/** @returns `on`, `emit`, `iterate` and `end`: what has been emitted so far is what iterators still bring. */
export function createEmitter () {
  const listeners = new Map<string, Set<(data: never) => void>>()
  const queues = new Set<(event: IrisEvent) => void>()
  let isOver = false

  function on<K extends keyof Events> (type: K, listener: (data: Events[K]) => void): () => void {
    const own = listeners.get(type) ?? new Set()
    listeners.set(type, own.add(listener))
    return () => void own.delete(listener)
  }

  function emit<K extends keyof Events> (type: K, data: Events[K]): void {
    for (const listener of listeners.get(type) ?? []) {
      try {
        listener(data as never)
      } catch (error) {
        // the application's own: it is thrown where nothing of the client breaks with it
        setTimeout(() => { throw error })
      }
    }
    if (type !== 'frame') for (const push of queues) push({ type, data } as IrisEvent)
  }

  async function * iterate (): AsyncGenerator<IrisEvent, undefined> {
    const items: IrisEvent[] = []
    let wake: (() => void) | undefined
    const push = (event: IrisEvent) => {
      items.push(event)
      if (items.length > LAG) queues.delete(push)
      wake?.()
    }
    queues.add(push)
    try {
      for (;;) {
        if (items.length > LAG) throw new IrisError('TOO_SLOW', `The loop is ${LAG} events behind: do less in it, then fetch what you show`)
        const event = items.shift()
        if (event) yield event
        else if (isOver) return undefined
        else await new Promise<void>(resolve => { wake = resolve })
      }
    } finally {
      queues.delete(push)
    }
  }

  return { on, emit, iterate, end: () => { isOver = true } }
}
