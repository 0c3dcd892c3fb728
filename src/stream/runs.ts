// The runs of a connection's pump: one at a time, and when the store did not answer again a little later.
import { isUnavailable } from '../store/redis/redis.js'

/** A class, as a connection is: there is one per stream. */
export class Runs {
  #isBusy = false
  #isWanted = false
  #failures = 0

  get isBusy (): boolean { return this.#isBusy }

  /** One more follows the present one. */
  want (): void { this.#isWanted = true }

  /**
   * Does a run. @param retry called when the store did not answer, with how many runs ended so in a row.
   * @returns whether one more was wanted meanwhile. Throws what else the run throws.
   */
  async run (work: () => Promise<void>, retry: (failures: number) => void): Promise<boolean> {
    this.#isBusy = true
    try {
      await work()
      this.#failures = 0
    } catch (error) {
      if (!isUnavailable(error)) throw error
      retry(++this.#failures)
    } finally {
      this.#isBusy = false
    }
    const isWanted = this.#isWanted
    this.#isWanted = false
    return isWanted
  }
}
