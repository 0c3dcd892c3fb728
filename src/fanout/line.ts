// Keeps the order of one terminal while something is asked about each of what it sends. [HOOK-5]

/** Waits for what is not this node's work. */
export type Aside = <T>(wait: () => Promise<T>) => Promise<T>

/** Makes `inLine(key, ask, then)`: under a key all ask at once, and go on with their answers in the order in which they came. */
export function createLine (aside: Aside) {
  const last = new Map<string, Promise<unknown>>()

  function behind (key: string, turn: Promise<unknown>): void {
    last.set(key, turn)
    void turn.then(() => { if (last.get(key) === turn) last.delete(key) })
  }

  return async function inLine<Answer, Result> (
    key: string, ask: () => Promise<Answer>, then: (answer: Answer) => Promise<Result>
  ): Promise<Result> {
    const before = last.get(key)
    const { promise, resolve: leave } = Promise.withResolvers<void>()
    // one that is refused leaves at once, but nobody overtakes those before it
    behind(key, Promise.all([before, promise]))
    try {
      const answer = await ask()
      if (before) await aside(() => before)
      const result = then(answer)
      leave() // the store takes them as they are handed to it
      return await result
    } finally {
      leave()
    }
  }
}
