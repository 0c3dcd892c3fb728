// A TCP proxy that breaks connections as networks do: delayed, stalled, swallowed, reset, in a trickle, cut after n bytes;
// each connection and each direction by itself.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createLane, type Mode } from './lane.js'
import type { Scope } from './scope.js'

/** `up`: from the client to the server. */
export type Direction = 'up' | 'down'
export type Modes = Partial<Record<Direction, Mode>>

/** Looks at what goes through a connection. @returns what is to go on; more to do is done by `link`. */
export type Watcher = Record<Direction, (chunk: Buffer) => Buffer>

export interface Link {
  set (modes: Modes): void
  /** Resets both ends. */
  reset (): void
  /** Nothing goes through any more, in this direction, until the fault ends. */
  silence (direction: Direction): void
  readonly isDamaged: boolean
}

export type Proxy = Awaited<ReturnType<typeof startProxy>>

const PASS: Mode = { do: 'pass' }

/**
 * Ends a socket with a reset, as one whose machine has gone. One that is just saying its end cannot be reset: Node would say
 * `reset EINVAL`, keep its descriptor, and turn for ever when the process ends.
 */
export function kill (socket: Socket): void {
  if (socket.destroyed) return
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

/**
 * Starts a proxy on a port of its own.
 * @param watch called for each connection, with a way to break it.
 * @returns `target` (a port, which may be changed: connections that come then go there), `links`, and `hits`: how many chunks, connections
 *   or ends a fault has met since the start.
 */
export async function startProxy (scope: Pick<Scope, 'teardown'>, target = 0, watch?: (link: Link) => Watcher) {
  const links = new Set<Link>()
  const proxy = { target, hits: 0 }
  let forNew: Modes = {}
  let isRefusing = false

  function accept (near: Socket): void {
    if (isRefusing || proxy.target === 0) {
      proxy.hits++
      return kill(near)
    }
    const far = connect({ port: proxy.target, host: '127.0.0.1', allowHalfOpen: true })
    const link = join(near, far)
    links.add(link)
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined).on('close', hadError => {
        // one side may be open for long while the other has gone, and does not know
        if (near.destroyed && far.destroyed) links.delete(link)
        else if (hadError) link.reset()
      })
    }
  }

  function join (near: Socket, far: Socket): Link {
    const onHit = () => { proxy.hits++ }
    const reset = () => [near, far].forEach(kill)
    const watcher: { current?: Watcher } = {}
    const lanes = {
      up: createLane({ from: near, to: far, mode: forNew.up ?? PASS, reset, onHit, filter: chunk => watcher.current?.up(chunk) ?? chunk }),
      down: createLane({
        from: far,
        to: near,
        mode: forNew.down ?? PASS,
        reset,
        onHit,
        filter: chunk => watcher.current?.down(chunk) ?? chunk
      })
    }
    const link: Link = {
      set: modes => { for (const direction of ['up', 'down'] as const) if (modes[direction]) lanes[direction].set(modes[direction]) },
      reset,
      silence: direction => lanes[direction].set({ do: 'swallow' }),
      get isDamaged () { return lanes.up.isDamaged || lanes.down.isDamaged }
    }
    if (watch) watcher.current = watch(link)
    return link
  }

  const server = createServer({ allowHalfOpen: true }, accept).listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.teardown(() => {
    for (const link of links) link.reset()
    server.close()
  })

  return Object.assign(proxy, {
    port: (server.address() as AddressInfo).port,
    /** The connections, the oldest first. */
    links: () => [...links],
    /** Breaks these connections, and all that come, until `heal()`. */
    set (modes: Modes): void {
      forNew = modes
      for (const link of links) link.set(modes)
    },
    /** Resets all connections. @returns how many there were. */
    reset (): number {
      for (const link of links) link.reset()
      proxy.hits += links.size
      return links.size
    },
    /** New connections are reset at once, until `heal()`. */
    refuse (): void { isRefusing = true },
    /** Everything passes again; a connection whose bytes are missing is reset, as TCP gives it up in the end. */
    heal (): void {
      forNew = {}
      isRefusing = false
      for (const link of links) link.isDamaged ? link.reset() : link.set({ up: PASS, down: PASS })
    }
  })
}
