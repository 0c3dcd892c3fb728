// How a command ends before it is done: by a signal, or since nobody reads on. What it has made elsewhere is taken back first.
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { BeforeEnd } from './command.js'

/** So long the end waits for what is to be done before it. */
const MOST_MS = 2_000
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** As a shell says it of a program that SIGPIPE has ended; Node ignores that one. */
const UNREAD = 128 + constants.signals.SIGPIPE

/** @returns what takes what must be done before the process ends early. A second signal waits for nothing. */
export function watchForEnd (): BeforeEnd {
  const works: (() => Promise<unknown>)[] = []
  let isEnding = false

  async function end (finish: () => void): Promise<void> {
    if (isEnding) return finish()
    isEnding = true
    await Promise.race([Promise.allSettled(works.map(async work => await work())), delay(MOST_MS)])
    finish()
  }

  for (const signal of signals) process.on(signal, () => void end(() => dieOf(signal)))
  for (const out of [process.stdout, process.stderr]) {
    // whoever read it may have seen enough (`| head`), or have closed his terminal
    out.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (isEnding) return // each line that still comes says so again
      if (code === 'EPIPE' || code === 'EIO') return void end(() => process.exit(UNREAD))
      process.stderr.write(`What is to be printed cannot be written (${code}).\n`)
      void end(() => process.exit(1))
    })
  }
  return work => { works.push(work) }
}

/** Ends as the signal alone would have: a shell stops its loops then. To the first process of a container none does anything by itself. */
function dieOf (signal: typeof signals[number]): never {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  process.exit(128 + constants.signals[signal])
}
