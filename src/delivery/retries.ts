// Streams whose read failed: each tries again soon, a little later each time, and at once when the store is there again. [DEADLINE-1]

/** The first pause; each is twice as long as the one before, up to the longest. */
const FIRST_MS = 250
const LONGEST_MS = 1_000
/** More than so many a second are not tried again, whatever their pauses. */
const PER_SECOND = 2_000

interface Reader { wake (): void }

/** Makes the retries of a node. One that was closed meanwhile is woken in vain. */
export function createRetries () {
  const waiting = new Map<Reader, NodeJS.Timeout>()

  function retry (reader: Reader): void {
    clearTimeout(waiting.get(reader))
    waiting.delete(reader)
    reader.wake()
  }

  return {
    /** A read failed. @param failures how many did in a row. */
    later (reader: Reader, failures: number): void {
      if (waiting.has(reader)) return
      const pauseMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1)) * (0.75 + Math.random() / 2)
      const spreadMs = Math.random() * waiting.size / PER_SECOND * 1000
      waiting.set(reader, setTimeout(retry, pauseMs + spreadMs, reader).unref())
    },

    /** The store is there again. */
    now (): void { for (const reader of [...waiting.keys()]) retry(reader) }
  }
}

export type Retries = ReturnType<typeof createRetries>
