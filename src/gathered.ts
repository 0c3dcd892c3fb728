// Where the log's lines are gathered, and written together: a system call for each would cost more than its request.

/** So long a line waits at most for others, ms. */
const GATHER_MS = 100
/** So many characters do not wait. */
const MOST_CHARS = 32_768

/**
 * Gathers text on its way to `write`, which must write at once:
 * what was handed over would be lost in a crash, or come behind what is written then.
 * @returns `write(text)`, which gathers; `flushSync()` writes what is there. Whoever makes one calls that when the process ends.
 */
export function createGathered (write: (text: string) => unknown) {
  let gathered = ''
  let timer: NodeJS.Timeout | undefined

  function flushSync (): void {
    clearTimeout(timer)
    timer = undefined
    const text = gathered
    gathered = ''
    if (text !== '') write(text)
  }

  return {
    flushSync,

    write (text: string): void {
      gathered += text
      if (gathered.length >= MOST_CHARS) flushSync()
      else timer ??= setTimeout(flushSync, GATHER_MS).unref()
    }
  }
}
