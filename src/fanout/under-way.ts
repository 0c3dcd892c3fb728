// What is asked about one thing at the same time, by a request and its retry, is asked once. [HOOK-3]

/** Makes a keeper of what is under way, by key. */
export function createUnderWay<Result> () {
  const all = new Map<string, Promise<Result>>()
  return {
    get: (key: string) => all.get(key),

    /** Keeps a result, which may yet come, until `done`. @returns it. */
    keep (key: string, result: Promise<Result>, done: Promise<unknown> = result): Promise<Result> {
      const forget = () => all.delete(key)
      all.set(key, result)
      done.then(forget, forget)
      return result
    }
  }
}
