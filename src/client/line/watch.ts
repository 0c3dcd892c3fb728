// Whether a connection still brings something.
import { IrisError } from '../base/error.js'
import type { TransportName } from '../base/types.js'

/** A stream that is silent for so long is dead: three heartbeats. */
const SILENT_MS = 45_000

/**
 * Watches one connection until `end()`.
 * @param patienceMs so long it may say nothing before it is ready
 * @param onSilent hears that it has said nothing for too long
 * @returns `heard()`: something came; `ready()`; `wake()`: something has happened after which it may be dead; `end()`
 */
export function createWatch (name: TransportName, patienceMs: number, onSilent: (error: IrisError) => void) {
  let heardAt = Date.now()
  let isReady = false

  function look (ms: number): void {
    if (Date.now() - heardAt <= ms) return
    onSilent(new IrisError('SILENT', `${name} brings nothing: a proxy buffers it, or it is dead`, { retryable: isReady }))
  }

  // an EventSource hides its heartbeats
  const patience = () => !isReady ? patienceMs : name === 'eventsource' ? Infinity : SILENT_MS
  const timer = setInterval(() => look(patience()), patienceMs / 5)

  return {
    heard () { heardAt = Date.now() },
    ready () { isReady = true },
    wake () { if (isReady) look(SILENT_MS / 2) },
    end: () => clearInterval(timer)
  }
}
