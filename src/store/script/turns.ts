// What is asked in one turn of the event loop, or within a few ms while a call is under way, goes to the store together:
// one call costs little more than one question.
import { outside } from '../deadline.js'

interface Floor<Item, Result> {
  /** Asks for all of them at once. @returns the results in their order. */
  run (items: Item[]): Promise<Result[]>
  /** How much an item is of what a call may hold. */
  weigh (item: Item): number
  /** A call holds so much at most; an item that is more by itself goes alone. */
  most: number
  /** Called when a call has left before the turn is over. */
  onFull? (): void
  /** While a call is under way what is asked for waits for its end, so long at most, ms: the next one then holds more. */
  lingerMs?: number
}

interface Waiting<Item, Result> { item: Item, resolve (result: Result): void, reject (error: unknown): void }

/**
 * Gathers what is asked for, and asks when there is enough of it, or the turn is over; in order.
 * @returns `ask(item)`: its result; `flush()`: asks now. A call that fails, fails for each of its items.
 */
export function createTurns<Item, Result> ({ run, weigh, most, onFull = () => undefined, lingerMs = 0 }: Floor<Item, Result>) {
  let waiting: Waiting<Item, Result>[] = []
  let weight = 0
  let isDue = false
  let underWay = 0
  let lingering: NodeJS.Timeout | undefined

  function flush (): void {
    clearTimeout(lingering)
    lingering = undefined
    const some = waiting
    if (some.length === 0) return
    waiting = []
    weight = 0
    underWay++
    run(some.map(({ item }) => item)).then(
      results => {
        onEnd()
        some.forEach(({ resolve }, i) => resolve(results[i] as Result))
      },
      (error: unknown) => {
        onEnd()
        for (const { reject } of some) reject(error)
      }
    )
  }

  /** First: Redis works on the next call while this one's answers are read. */
  function onEnd (): void {
    underWay--
    if (lingering && underWay === 0) flush()
  }

  function leave (): void {
    flush()
    onFull()
  }

  function onTurn (): void {
    isDue = false
    if (lingerMs === 0 || underWay === 0) return flush()
    lingering ??= setTimeout(flush, lingerMs)
  }

  const askLater = () => setImmediate(onTurn)

  // a call belongs to no single request: each of them has a deadline of its own
  const ask = (item: Item): Promise<Result> => new Promise((resolve, reject) => {
    const more = weigh(item)
    if (weight + more > most) outside(leave)
    waiting.push({ item, resolve, reject })
    weight += more
    if (weight >= most) return outside(leave)
    if (isDue) return
    isDue = true
    outside(askLater)
  })

  return Object.assign(ask, { flush })
}
