// Which way down is taken: the first that gets through. What worked is remembered, and a better one is tried again later.
import type { Store } from './store.js'
import type { TransportName } from './types.js'

const DAY_MS = 86_400_000

/** What worked last, after how many ms a better one is tried, and when; no time: the application has chosen it. */
interface Kept { name: TransportName, ms?: number, until?: number }

/**
 * Makes the choice among ways, the best first.
 * @param betterMs after so long a better one is tried, then after twice that, a day at most
 */
export function createWays (names: TransportName[], betterMs: number) {
  let store: Store | undefined
  let kept: Kept | undefined
  let index = 0
  let doubts = 0
  let rounds = 0

  const name = () => names[index] as TransportName
  const goTo = (name?: TransportName) => { index = Math.max(0, names.indexOf(name as TransportName)) }

  function choose (next?: Kept): void {
    kept = next
    void store?.set('way', next ?? null)
  }

  return {
    name,
    better: () => goTo(),

    async open (opened: Store): Promise<void> {
      store = opened
      kept = await store.get<Kept>('way')
      const { until = Infinity, ms = Infinity } = kept ?? {}
      // a clock that was set back does not count
      if (until > Date.now() && until <= Date.now() + ms) goTo(kept?.name)
    },

    choose (name: TransportName): void {
      choose({ name })
      goTo(name)
    },

    /** It has got through. @returns after how many ms a better one is to be tried; undefined: there is none */
    good (): number | undefined {
      doubts = rounds = 0
      const isKept = kept?.name === name()
      if (isKept && !kept?.until) return undefined
      if (!index) return void (kept && choose())
      const ms = Math.min(DAY_MS, kept?.ms ? kept.ms * 2 : betterMs)
      if (!isKept || (kept?.until ?? 0) <= Date.now()) choose({ name: name(), ms, until: Date.now() + ms })
      return (kept?.until ?? 0) - Date.now()
    },

    /**
     * It has not got through.
     * @param isSure else it is given up the second time only
     * @returns whether there is another one that was not tried since one worked
     */
    bad (isSure: boolean): boolean {
      if (!isSure && ++doubts < 2) return false
      doubts = 0
      index = (index + 1) % names.length
      return ++rounds < names.length
    }
  }
}
