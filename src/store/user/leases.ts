// Leases: until when a terminal counts as there. LEASES of a partition: `<user>/<terminal>` -> the end, ms. docs/protocol.md section 7.
import type { GoneReason, TerminalStateName } from '../../protocol/presence.js'
import { keys, partition, PARTITIONS } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { together } from '../redis/redis.js'
import { inParts, stepwise } from '../redis/steps.js'
import { decided, defineScript, noted, type Reply } from '../script/scripts.js'
import { createTurns } from '../script/turns.js'
import { createComings } from './comings.js'

/** So many terminals per run of a script: Redis does nothing else meanwhile. */
const AT_ONCE = 100
/** So many of these runs leave together. */
const RUNS_AT_ONCE = 8
/** When nobody has looked for ended leases for so long, nobody's could be renewed, either. Everybody looks every second. */
const GAP_MS = 2_500
/** So long it is known when somebody looked last; later it was a break in any case. */
const LOOKED_MS = 60_000

const renewLeases = defineScript('renew-leases', {
  full: 'done', preludes: ['event', 'presence', 'foreground'], keys: ['leases'], args: ['feed', 'tag', 'leaseMs']
})
const reapLeases = defineScript('reap-leases', {
  full: 'done',
  preludes: ['event', 'presence', 'foreground', 'going'],
  keys: ['leases'],
  args: ['feed', 'tag', 'maxLeases', 'graceMs', 'leaseMs', 'since']
})
const claimReaping = defineScript('claim-reaping', { full: 'done', keys: ['reaper'], args: ['claimMs', 'gapMs', 'keepMs'] })
const reviveTerminal = defineScript('revive-terminal', {
  full: 'done',
  preludes: ['life', 'down', 'event', 'presence', 'foreground', 'connect'],
  keys: ['terminals', 'leases'],
  args: [...downArgs, 'user', 'terminal', 'age', 'leaseMs']
})
const leaveTerminals = defineScript('leave-terminals', {
  full: 'done',
  preludes: ['event', 'presence', 'foreground', 'going', 'printed', 'each'],
  keys: [],
  args: ['feed', 'graceMs']
})

/** One terminal of one user. */
export interface TerminalOf { userId: string, terminalId: string }

/**
 * How a connection ended: how far it was printed, by what, and the code of its goodbye, 0 for none. `brought`: where it began anew, if its
 * mailbox has brought all that was unread. Both are cursors, empty where there is none.
 */
interface Ending { printed: string, brought: string, transport: string, code: number }

/** Its last connection on a node is closed. */
interface Leaving extends TerminalOf { node: string, reason: GoneReason, ending: Ending | undefined }

/** A terminal was seen at `at`, ms of this process' monotonic clock; `state` when it said so. */
export interface Note extends TerminalOf { at: number, state?: TerminalStateName }

/** Makes the leases of a store. */
export function createLeases (store: StoreContext) {
  const { redis, node, limits } = store
  const leaseMs = limits.leaseSec * 1000
  const graceMs = limits.graceSec * 1000
  const feed = store.feed.text

  const leaving = createTurns<Leaving, Reply>({
    async run (some) {
      const list = some.flatMap(({ userId, terminalId, node, reason, ending }) => {
        const { printed = '', brought = '', transport = '', code = 0 } = ending ?? {}
        return [partition(userId), userId, terminalId, node, reason, printed, brought, transport, code]
      })
      const [, ...answers] = await leaveTerminals(redis, {}, { feed, graceMs }, list)
      return answers as Reply[]
    },
    weigh: () => 1,
    most: AT_ONCE
  })
  const { come, go } = createComings()

  /** @returns the partitions in which a lease ends between two times. */
  async function partitionsWith (from: number | '-inf', to: number | '+inf'): Promise<number[]> {
    const all = Array.from({ length: PARTITIONS }, (_, p) => p)
    const found = await together(redis, all, (pipeline, p) =>
      pipeline.zrangebyscore(keys.leases(p), from, to, 'LIMIT', 0, 1)) as (string[] | undefined)[]
    return all.filter(p => found[p]?.length !== 0) // one that cannot be read, too: its script says so
  }

  async function renewSome ([tag, notes]: [number, Note[]]): Promise<void> {
    const now = performance.now()
    const values = notes.flatMap(({ userId, terminalId, state = '', at }) => [userId, terminalId, state, Math.floor(now - at)])
    await renewLeases(redis, { leases: keys.leases(tag) }, { feed, tag, leaseMs }, values)
  }

  return {
    /**
     * Renews the leases of terminals that are connected, and keeps their state, a few partitions after the other: all at once would hold up
     * messages. Redis is told how long ago each was seen: when that was is for its own clock to say. [LIFE-2] [TIME-1]
     */
    async renew (notes: Note[]): Promise<void> {
      await stepwise(inParts(runsOf(notes), RUNS_AT_ONCE).map(runs => async () => await Promise.all(runs.map(renewSome))))
    },

    /**
     * The last connection of a terminal on a node, this one unless another is named, is closed: its route is taken away, and its lease ends
     * with the grace [LIFE-3]; `ending` is kept [DELIVERY-2]. Here it waits for an attach of the terminal that is
     * under way, and is void when it comes again meanwhile.
     */
    async leave ({ ending, ...terminal }: TerminalOf & { ending?: Ending }, reason: GoneReason, on = node): Promise<void> {
      const leave = async () => { decided(await noted(leaving({ ...terminal, reason, node: on, ending }))) }
      await (on === node ? go(terminal, leave) : leave())
    },

    /**
     * In what order terminals come and go here. `leaveNow`: what leaves in this turn of the event loop is told to the store now, as who
     * comes back must not come before he has gone.
     */
    order: { come, leaveNow: leaving.flush },

    /**
     * A terminal that is connected here, and was seen `age` ms ago, is there again when it was said to be gone for want of a sign of life.
     * @returns whether it is there now.
     */
    async revive ({ userId, terminalId }: TerminalOf, age: number): Promise<boolean> {
      const [, isThere] = await reviveTerminal(redis, {
        terminals: keys.terminals(userId),
        leases: keys.leases(partition(userId))
      },
      { ...downValues(store), user: userId, terminal: terminalId, age: Math.floor(age), leaseMs })
      return isThere === 1
    },

    /**
     * Claims to be the one that reaps now, for `claimMs`: one of all nodes is enough, and any will do.
     * @returns since when some node has reaped without a break, Redis' time, ms; undefined when another one reaps.
     */
    async claimReaping (claimMs: number): Promise<number | undefined> {
      const [, claimed, since] = await claimReaping(redis, { reaper: keys.reaper }, { claimMs, gapMs: GAP_MS, keepMs: LOOKED_MS })
      return claimed === 1 ? Number(since) : undefined
    },

    /** @returns the partitions in which a lease has ended at `now`, ms. */
    duePartitions: async (now: number): Promise<number[]> => await partitionsWith('-inf', now),

    /** @returns the partitions in which a lease ends later than any that was given until `since`, ms: perhaps by a clock that went back. */
    aheadPartitions: async (since: number): Promise<number[]> => await partitionsWith(since + leaseMs + graceMs + 1, '+inf'),

    /**
     * Ends what has run out in a partition, and says so in the stream of events: each end once, whoever asks. [LIFE-2] [LIFE-3]
     * What an outage before `since` (ms) has let run out is held for a lease after it.
     * @returns how many ended, where connections of these terminals may still be open, and whether there may be more to end.
     */
    async reap (p: number, since: number): Promise<{ ended: number, routes: (TerminalOf & { node: string })[], more: boolean }> {
      const [, ended, found, looked] = await reapLeases(redis, { leases: keys.leases(p) }, {
        feed, tag: p, maxLeases: AT_ONCE, graceMs, leaseMs, since
      })
      const flat = found as string[]
      const routes = Array.from({ length: flat.length / 3 }, (_, i) => {
        const [userId, terminalId, node] = flat.slice(3 * i) as [string, string, string]
        return { userId, terminalId, node }
      })
      return { ended: Number(ended), routes, more: Number(looked) === AT_ONCE }
    }
  }
}

/** Notes by partition, so many at once. */
function runsOf (notes: Note[]): [number, Note[]][] {
  const byPartition = new Map<number, Note[]>()
  for (const note of notes) {
    const p = partition(note.userId)
    const some = byPartition.get(p)
    if (some) some.push(note)
    else byPartition.set(p, [note])
  }
  return [...byPartition].flatMap(([p, all]) => inParts(all, AT_ONCE).map((some): [number, Note[]] => [p, some]))
}
