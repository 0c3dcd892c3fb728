// Other processes under this node's name: they hear each other's hints, and take each other's routes. The oldest one stays.

/** A word of a process: see subscription.ts. */
const WORD = /^\{"word":"(\S+) \d+ (\d+)"\}$/
/** Of one that was killed a few words may still come, all at once; what is heard for so long, ms, is up. */
const UP_MS = 1_000
/** More are not told apart. */
const MOST = 16

export const TWIN = 'another process that is up bears the name of this node, too: each needs an IRIS_NODE_ID of its own'

/**
 * @param ageMs for how long this process has been there. Ages are compared, no clocks.
 * @param onTwin called, once, when an older one is up.
 * @returns `heard(text)`: whether it was a word of another process.
 */
export function createTwins (ageMs: () => number, onTwin: () => void) {
  const heardAt = new Map<string, number>()
  let isTold = false

  return function heard (text: string): boolean {
    const [, process, age] = WORD.exec(text) ?? []
    if (process === undefined) return false
    if (isTold || ageMs() >= Number(age) || (heardAt.size >= MOST && !heardAt.has(process))) return true
    const since = heardAt.get(process) ?? performance.now()
    heardAt.set(process, since)
    if (performance.now() - since < UP_MS) return true
    isTold = true
    onTwin()
    return true
  }
}
