// Random choices that a seed repeats: what a history draws can be drawn again.

export type Random = ReturnType<typeof createRandom>

/** Makes a row of random numbers from a seed (mulberry32). The same seed gives the same row on every machine. */
export function createRandom (seed: number) {
  let state = seed >>> 0

  /** @returns a number from 0 up to, and without, 1. */
  function next (): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  return {
    next,
    /** A whole number of `least` to `most`, both among them. */
    int: (least: number, most: number) => least + Math.floor(next() * (most - least + 1)),
    /** One of a list. */
    pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  }
}
