// Which way down is taken: the first that gets through. What worked is remembered, and a better one is tried again later.
import { IrisError } from '../base/error.js'
import type { KeptWay } from '../base/shapes.js'
import type { Store } from '../base/store.js'
import type { TransportName } from '../base/types.js'

const DAY_MS = 86_400_000

/** Throws BAD_OPTION for what is none of the names. */
export function checkName (name: string, names: string[]): void {
  if (!names.includes(name)) throw new IrisError('BAD_OPTION', `${name} is no transport here: there are ${names.join(', ')}`)
}

/**
 * Makes the choice among ways, the best first.
 * @param betterMs after so long a better one is tried, then after twice that, a day at most
 */
export function createWays (names: TransportName[], betterMs: number) {
  let store: Store | undefined
  let kept: KeptWay | undefined
  let index = 0
  let doubts = 0
  let rounds = 0

  const current = () => names[index] as TransportName
  const goTo = (name?: TransportName) => { index = Math.max(0, names.indexOf(name as TransportName)) }

  function keep (next?: KeptWay): void {
    kept = next
    void store?.set('way', next ?? null)
  }

  return {
    current,
    goTo,
    has: (name?: TransportName) => names.includes(name as TransportName),

    async recall (opened: Store): Promise<void> {
      store = opened
      kept = await store.get<KeptWay>('way')
      const { name, until = Infinity, ms = Infinity } = kept ?? {}
      // a clock that was set back does not count
      if (until > Date.now() && until <= Date.now() + ms) goTo(name)
    },

    /** Throws BAD_OPTION. */
    choose (name: TransportName): void {
      checkName(name, names)
      keep({ name })
      goTo(name)
    },

    /** It has got through. @returns after how many ms a better one is to be tried; undefined: there is none */
    good (): number | undefined {
      doubts = rounds = 0
      const name = current()
      let { ms = betterMs / 2, until = 0 } = kept ?? {}
      const isKept = kept?.name === name
      if (isKept && !until) return undefined
      if (!index) return void (kept && keep())
      if (!isKept || until <= Date.now()) {
        ms = Math.min(DAY_MS, ms * 2)
        until = Date.now() + ms
        keep({ name, ms, until })
      }
      return until - Date.now()
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
export type Ways = ReturnType<typeof createWays>
