// How often something took how long: plain numbers, read when somebody asks.

/** How many values were no more than each bound (and more than the one before), the rest last; and their sum. */
export interface Counts { counts: readonly number[], sum: number }

/** Makes a histogram. @param bounds rising. @returns `observe(value)`: an increment, nothing more. */
export function createHistogram (bounds: readonly number[]) {
  const counts = bounds.map(() => 0).concat(0)
  let sum = 0
  return {
    observe (value: number): void {
      let place = 0
      while (value > (bounds[place] ?? Infinity)) place++
      counts[place] = (counts[place] ?? 0) + 1
      sum += value
    },
    read: (): Counts => ({ counts, sum })
  }
}
