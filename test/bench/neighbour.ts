// Other work on the machine: a process that takes a core for half of the time, while it is asked to.
import { serve } from './child.js'

/** So long it works, and so long it rests, ms. */
const TURN_MS = 50

let timer: NodeJS.Timeout | undefined

function work (): void {
  for (const until = performance.now() + TURN_MS; performance.now() < until;);
}

const verbs = {
  start: () => { timer ??= setInterval(work, 2 * TURN_MS) },
  stop: () => {
    clearInterval(timer)
    timer = undefined
  }
}

export type NeighbourVerbs = typeof verbs
serve(verbs)
