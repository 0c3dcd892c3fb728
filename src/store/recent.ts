// What was of use lately, in two generations: to remember something costs one write to a map, and nothing is moved with each use.

/**
 * Makes a memory of `most` entries at most, or of as much as they weigh; half of that is sure to be the latest. What was not set, or
 * looked for, while that much else was, is forgotten.
 * @param weigh what an entry is of `most`: 1 when absent.
 */
export function createRecent<Value> (most: number, weigh: (key: string, value: Value) => number = () => 1) {
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  let weight = 0

  function set (key: string, value: Value): void {
    if (!young.has(key)) weight += weigh(key, value)
    if (weight > most / 2) {
      old = young
      young = new Map()
      weight = weigh(key, value)
    }
    young.set(key, value)
  }

  return {
    set,

    get (key: string): Value | undefined {
      const value = young.get(key)
      if (value !== undefined) return value
      const before = old.get(key)
      if (before !== undefined) set(key, before)
      return before
    },

    delete (key: string): void {
      const value = young.get(key)
      if (value !== undefined) weight -= weigh(key, value)
      young.delete(key)
      old.delete(key)
    }
  }
}
