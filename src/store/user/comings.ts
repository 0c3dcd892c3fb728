// In what order a terminal comes and goes: who closes while his attach is under way goes when that is decided, not before. [LIFE-3]

interface Terminal { userId: string, terminalId: string }

/** So many attaches of a terminal are under way; a leave that waits for them, and what is told to who asked for it when it came again. */
interface Coming { count: number, waiting?: { leave (): void, stay (): void } | undefined }

/** Makes the order in which the terminals of a node come and go. */
export function createComings () {
  const underWay = new Map<string, Coming>()
  const keyOf = ({ userId, terminalId }: Terminal) => `${userId}/${terminalId}`

  function begin (key: string): Coming {
    const coming = underWay.get(key) ?? { count: 0 }
    underWay.set(key, coming)
    coming.count++
    coming.waiting?.stay()
    coming.waiting = undefined
    return coming
  }

  function end (key: string, coming: Coming): void {
    if (--coming.count > 0) return
    underWay.delete(key)
    coming.waiting?.leave()
  }

  return {
    /** Does what attaches a terminal: no leave that is asked for from now on passes it, and one that waits is void. */
    async come<T> (terminal: Terminal, attach: () => Promise<T>): Promise<T> {
      const key = keyOf(terminal)
      const coming = begin(key)
      try {
        return await attach()
      } finally {
        end(key, coming)
      }
    },

    /**
     * Does what lets a terminal leave: at once, or when its attaches that are under way have ended, however they do; not at all when it
     * comes again meanwhile.
     */
    async go (terminal: Terminal, leave: () => Promise<void>): Promise<void> {
      const coming = underWay.get(keyOf(terminal))
      if (!coming) return await leave()
      await new Promise<void>((resolve, reject) => {
        coming.waiting?.stay()
        coming.waiting = { stay: resolve, leave: () => { leave().then(resolve, reject) } }
      })
    }
  }
}

export type Comings = ReturnType<typeof createComings>
