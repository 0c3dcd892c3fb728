// Whatever a history starts ends with it, the last thing first: the part of tap's `t` that helpers need, for runs outside of tap.

export type Scope = ReturnType<typeof createScope>

/**
 * Makes a scope: `teardown(end)` says how something ends;
 * `end()` ends all of it, each although another failed, and throws the first failure.
 */
export function createScope () {
  const ends: (() => unknown)[] = []
  return {
    teardown (end: () => unknown): void { ends.push(end) },
    async end (): Promise<void> {
      const failures: unknown[] = []
      for (let end = ends.pop(); end; end = ends.pop()) {
        try { await end() } catch (error) { failures.push(error) }
      }
      if (failures.length > 0) throw failures[0]
    }
  }
}
