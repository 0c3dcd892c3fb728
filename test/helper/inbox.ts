// What a reader of any transport has received, and the wait for what comes next.
import type { SseEvent } from './sse.js'

type Matcher = string | ((event: SseEvent) => boolean)

/** @returns whether an event is meant: by its name, by a command's name, or by a function. */
function matches (event: SseEvent, matcher: Matcher): boolean {
  return typeof matcher === 'function' ? matcher(event) : event.event === matcher || event.data.name === matcher
}

/** Makes an inbox: `add(event)`, `finish()`; readers use `next(matcher)`, which skips what does not fit. */
export function createInbox () {
  const events: SseEvent[] = []
  const waiting: { matcher: Matcher, resolve (event: SseEvent): void, reject (error: Error): void }[] = []
  let read = 0
  let isOver = false
  let cursor: string | undefined
  let over: () => void = () => undefined
  const ended = new Promise<void>(resolve => { over = resolve })

  function search (matcher: Matcher): SseEvent | undefined {
    while (read < events.length) {
      const event = events[read++]
      if (event && matches(event, matcher)) return event
    }
    return undefined
  }

  function settle (): void {
    while (waiting[0]) {
      const found = search(waiting[0].matcher)
      if (!found) break
      waiting.shift()?.resolve(found)
    }
  }

  return {
    events,
    ended,
    get cursor () { return cursor },
    set cursor (id) { cursor = id },
    get isOver () { return isOver },
    add (event: SseEvent): void {
      if (event.id !== undefined) cursor = event.id
      events.push(event)
      settle()
    },
    /** @param why what was said instead of a stream, if anything. */
    finish (why = ''): void {
      if (isOver) return
      isOver = true
      over()
      for (const { matcher, reject } of waiting.splice(0)) {
        reject(new Error(`the stream ended before ${String(matcher)}; it had ${JSON.stringify(events)} ${why}`))
      }
    },
    /** The next event that fits, from the last one returned on. */
    async next (matcher: Matcher): Promise<SseEvent> {
      const found = waiting.length === 0 ? search(matcher) : undefined
      if (found) return found
      if (isOver) throw new Error(`the stream is over without ${String(matcher)}; it had ${JSON.stringify(events)}`)
      return await new Promise((resolve, reject) => waiting.push({ matcher, resolve, reject }))
    }
  }
}
