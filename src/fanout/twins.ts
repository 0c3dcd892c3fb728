// Other processes under this node's name: they hear each other's hints, and take each other's routes. The oldest one stays.

/**
 * Of two that began so near to each other, ms, the way of a word may take as long as what lies between: each would seem the older one to
 * itself. There their names decide, which begin with the time of their machines.
 */
const TOGETHER_MS = 10_000
/** A word of a process: see subscription.ts. */
const WORD = /^\{"word":"(\S+) \d+ (\d+)"\}$/
/** Of one that was killed a few words may still come, all at once; what is heard for so long, ms, is up. */
const UP_MS = 1_000
/** More are not told apart. */
const MOST = 16

export const TWIN = 'another process that is up bears the name of this node, too: each needs an IRIS_NODE_ID of its own'

/**
 * @param me `name` of this process; `ageMs()`: for how long it has been there. Ages are compared, clocks only where these do not tell.
 * @param onTwin called, once, when an older one is up.
 * @returns `heard(text)`: whether it was a word of another process.
 */
export function createTwins (me: { name: string, ageMs (): number }, onTwin: () => void) {
  const heardAt = new Map<string, number>()
  let isTold = false

  function isYounger (process: string, age: number): boolean {
    const aheadMs = me.ageMs() - age
    return Math.abs(aheadMs) < TOGETHER_MS ? process < me.name : aheadMs < 0
  }

  return function heard (text: string): boolean {
    const [, process, age] = WORD.exec(text) ?? []
    if (process === undefined) return false
    if (isTold || !isYounger(process, Number(age)) || (heardAt.size >= MOST && !heardAt.has(process))) return true
    const since = heardAt.get(process) ?? performance.now()
    heardAt.set(process, since)
    if (performance.now() - since < UP_MS) return true
    isTold = true
    onTwin()
    return true
  }
}
