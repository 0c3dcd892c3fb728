// The log's way out: nobody waits for its reader while Iris runs. What he does not take is kept for a while, bounded; then it is dropped.
import { constants, fstatSync, openSync } from 'node:fs'
import { pino } from 'pino'

/** So many bytes wait for a reader who takes none; what comes then is dropped. */
const MOST_BYTES = 256 * 1024
/** So often it is tried again, ms. */
const AGAIN_MS = 50
/** So long the end of the process waits for him, ms, and looks so often. */
const END_MS = 1_000
const LOOK_MS = 5

/**
 * Opens stdout so that a write which would wait fails at once (EAGAIN). A pipe is opened once more, for itself: its flags are not those of
 * who shares it. A socket is made so by Node as soon as somebody looks at it. Files and terminals are written to as they are.
 */
function open (): number {
  try {
    const kind = fstatSync(1)
    if (kind.isSocket()) process.stdout.on('error', () => undefined)
    return kind.isFIFO() ? openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK) : 1
  } catch {
    return 1 // another system, or a pipe of another user: its reader is waited for
  }
}

/**
 * Makes the way out. @param onDropped is told how many lines were dropped, when there is room again.
 * @returns `write(text)`, whole lines, which never waits; `end()` waits for the reader, for a second at most; `dropped()`: how many lines
 *   were dropped until now.
 */
export function createStdout (onDropped: (lines: number) => void) {
  let dropped = 0
  let said = 0
  let isBehind = false
  let timer: NodeJS.Timeout | undefined
  const out = pino.destination({ dest: open(), sync: true, maxLength: MOST_BYTES, retryEAGAIN: () => false })
  // a full disk below the log, or a reader that has gone, takes its lines, and nothing else
  out.on('error', ({ code }: NodeJS.ErrnoException) => { isBehind = code === 'EAGAIN' })
  out.on('drop', (text: string) => { dropped += text.split('\n').length - 1 })

  /** @returns whether the reader has taken everything. */
  function take (text: string): boolean {
    isBehind = false
    out.write(text)
    return !isBehind
  }

  function again (): void {
    timer = undefined
    if (!take('')) return later()
    if (dropped === said) return
    const lines = dropped - said
    said = dropped
    onDropped(lines)
  }

  function later (): void { timer ??= setTimeout(again, AGAIN_MS).unref() }

  return {
    dropped: () => dropped,

    write (text: string): void { if (!take(text)) later() },

    end (): void {
      const until = performance.now() + END_MS
      const never = new Int32Array(new SharedArrayBuffer(4))
      while (!take('') && performance.now() < until) Atomics.wait(never, 0, 0, LOOK_MS)
    }
  }
}
