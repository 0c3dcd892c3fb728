// Streams whose read failed: each tries again soon, a little later each time,
// and without a pause when the store is there again. [DEADLINE-1]

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

  function retryIn (ms: number, reader: Reader): void {
    clearTimeout(waiting.get(reader))
    const spreadMs = Math.random() * waiting.size / PER_SECOND * 1000
    waiting.set(reader, setTimeout(retry, ms + spreadMs, reader).unref())
  }

  return {
    /** A read failed. @param failures how many did in a row. */
    later (reader: Reader, failures: number): void {
      if (waiting.has(reader)) return
      retryIn(Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1)) * (0.75 + Math.random() / 2), reader)
    },

    /** The store is there again: nobody waits for his pause, but a crowd does not come in the same instant either. */
    now (): void { for (const reader of waiting.keys()) retryIn(0, reader) }
  }
}

export type Retries = ReturnType<typeof createRetries>
