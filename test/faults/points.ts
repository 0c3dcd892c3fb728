// Fault points in the code's own words: "before append-message", "after kick-user, before its answer". Nothing in the product
// knows of them: every script is an EVALSHA on the wire, named by the digest of its text; what is no script has the name of its command.
import { createHash } from 'node:crypto'
import type { Link, Watcher } from './proxy.js'
import { createFrames, isPush, wordsOf } from './resp.js'

/**
 * A place in the life of a script, or of a command (`xack`): before Redis gets it, or when it is done and its answer is on the way.
 * `act` is called there, once.
 */
export interface Point { script: string, when: 'before' | 'after', act (link: Link): void }

export type Points = ReturnType<typeof createPoints>

/** The names of the scripts by the digests under which they run, as far as a text of one has gone by: every Redis is told each once. */
const names = new Map<string, string>()

/** Learns a script's name from its text: the last of the headers in it is its own. @returns the digest. */
function learn (frame: Buffer): string {
  const lines = frame.toString('utf8').split('\r\n')
  const text = lines.slice(4).join('\r\n')
  const length = Number(lines[3]?.slice(1))
  const script = Buffer.from(text).subarray(0, length).toString()
  const name = [...script.matchAll(/^-- ([a-z-]+)\.lua - /gm)].at(-1)?.[1]
  const digest = createHash('sha1').update(script).digest('hex')
  if (name !== undefined) names.set(digest, name)
  return digest
}

/**
 * Makes the fault points of a way to Redis. `watch` looks at each of its connections;
 * `arm(point)` sets one; `loseHints(n)` takes the next n hints of entries.
 */
export function createPoints () {
  const armed: Point[] = []
  const listeners = new WeakSet<Link>()
  let hintsToLose = 0
  let hintsLost = 0

  const pointAt = (name: string | undefined) => {
    const at = armed.findIndex(({ script }) => script === name)
    return at < 0 ? undefined : armed.splice(at, 1)[0]
  }

  function isLost (frame: Buffer): boolean {
    // an entry's hint is a list; other words of nodes are objects
    if (hintsToLose === 0 || !isPush(frame) || !frame.includes('smessage') || !frame.includes('\r\n["')) return false
    hintsToLose--
    hintsLost++
    return true
  }

  function watch (link: Link): Watcher {
    const up = createFrames()
    const down = createFrames()
    const awaited = new Map<number, Point>()
    let asked = 0
    let answered = 0

    /** @returns whether the frame goes on. */
    function ask (frame: Buffer): boolean {
      asked++
      const [verb = '', second = ''] = wordsOf(frame)
      const digest = /^eval$/i.test(verb) ? learn(frame) : second
      if (/^ssubscribe$/i.test(verb)) listeners.add(link)
      const point = armed.length > 0 ? pointAt(/^eval(sha)?$/i.test(verb) ? names.get(digest) : verb.toLowerCase()) : undefined
      if (point?.when === 'after') awaited.set(asked, point)
      if (point?.when !== 'before') return true
      point.act(link)
      return false
    }

    function answer (frame: Buffer): boolean {
      if (isPush(frame)) return !isLost(frame)
      const point = awaited.get(++answered)
      if (!point) return true
      awaited.delete(answered)
      // Redis does not know it yet: it comes again with its text, and is met the next time
      if (frame.toString('latin1', 0, 9) === '-NOSCRIPT') return armed.push(point) > 0
      point.act(link)
      return false
    }

    /** Lets frames through up to the one where the connection breaks. */
    const through = (frames: Buffer[], goesOn: (frame: Buffer) => boolean, isLast: boolean) => {
      const passed: Buffer[] = []
      for (const frame of frames) {
        if (goesOn(frame)) passed.push(frame)
        else if (isLast) break
      }
      return Buffer.concat(passed)
    }
    return {
      up: chunk => through(up.push(chunk), ask, true),
      down: chunk => through(down.push(chunk), answer, false)
    }
  }

  return {
    watch,
    /** Sets a point. @returns whether it has been reached. */
    arm (point: Point): () => boolean {
      let isReached = false
      const act = (link: Link) => {
        isReached = true
        point.act(link)
      }
      armed.push({ ...point, act })
      return () => isReached
    },
    /** Whether a connection is the one that hears other nodes. */
    isListener: (link: Link) => listeners.has(link),
    loseHints (n: number): void { hintsToLose += n },
    /** How many hints were lost. */
    get hintsLost () { return hintsLost },
    /** Whatever is still armed is not any more. */
    disarm (): void {
      armed.length = 0
      hintsToLose = 0
    }
  }
}
