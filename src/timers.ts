// What a node does by the clock: heartbeats, sweeps, leases that are told, and those that have ended.
import { type createReaper, REAP_MS } from './fanout/reaper.js'
import type { createSweeper } from './health/sweeper.js'
import type { Hub } from './hub/hub.js'
import { flushMs, type Leases } from './presence/leases.js'
import type { Limits } from './protocol/limits.js'
import type { createRoom } from './store/redis/room.js'

const TICK_MS = 1_000
const SWEEP_MS = 25_000

interface Floor {
  /** To be asked every second: else the process has stood still. */
  awake (): unknown
  hub: Pick<Hub, 'tick'>
  sweeper: Pick<ReturnType<typeof createSweeper>, 'sweep'>
  leases: Pick<Leases, 'flush'>
  reaper: Pick<ReturnType<typeof createReaper>, 'run'>
  room: Pick<ReturnType<typeof createRoom>, 'state'>
  limits: Limits
}

/** Makes the timers of a node; they run from `start` to `stop`. */
export function createTimers ({ awake, hub, sweeper, leases, reaper, room, limits }: Floor) {
  let timers: NodeJS.Timeout[] = []

  return {
    areRunning: () => timers.length > 0,

    start (): void {
      timers = [
        setInterval(awake, TICK_MS),
        setInterval(() => hub.tick(), TICK_MS),
        setInterval(sweeper.sweep, SWEEP_MS),
        setInterval(() => void leases.flush(), flushMs(limits)),
        // on a full disk nobody's lease can be renewed, and none ends
        setInterval(() => room.state().full === 'disk' || void reaper.run(), REAP_MS)
      ]
    },

    /** For good: a node that ends does not begin again. */
    stop (): void { for (const timer of timers) clearInterval(timer) }
  }
}
