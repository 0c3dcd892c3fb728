// The gateway without HTTP: stores, the way down and its timers, wired. It knows every lower floor.
import { createAwake } from './presence/awake.js'
import { readJson } from './commands/read-json.js'
import { createBefore } from './fanout/before.js'
import type { Context } from './fanout/context.js'
import { createDead } from './fanout/dead.js'
import { createDeliver } from './fanout/deliver.js'
import { createEverybody } from './fanout/everybody.js'
import { createDrain } from './hub/drain.js'
import { createEntrance } from './hub/entrance.js'
import type { GatewayFacts } from './gateway-facts.js'
import { createHub } from './hub/hub.js'
import { createJournal } from './hub/journal.js'
import { createJobs } from './stream/jobs.js'
import { createKicker } from './fanout/kick.js'
import { createMemory } from './fanout/memory.js'
import { createLeases } from './presence/leases.js'
import { createLives } from './health/lives.js'
import { createMeter } from './health/meter.js'
import { createNodes } from './fanout/nodes.js'
import { createPresence } from './fanout/presence.js'
import { createReadiness } from './health/readiness.js'
import { createReaper } from './fanout/reaper.js'
import { createRemover } from './fanout/removal.js'
import { createReports } from './fanout/report.js'
import { createPressure } from './health/pressure.js'
import { TWIN } from './fanout/twins.js'
import { releaseAll } from './stream/outlet.js'
import { createRecalled } from './stream/recalled.js'
import { createRecheck } from './stream/recheck.js'
import { createRenderer } from './stream/render.js'
import { createRetries } from './stream/retries.js'
import { createStarts } from './stream/start.js'
import { createSweeper } from './health/sweeper.js'
import { createUnreadable } from './health/unreadable.js'
import { createWatch } from './presence/watch.js'
import { createHooks, noHooks } from './webhooks/hooks.js'
import { createWebhooks, noWebhooks } from './webhooks/webhooks.js'
import { createBeat } from './store/life/beat.js'
import { feedOf } from './store/feed.js'
import { createClock } from './store/redis/clock.js'
import { createFresh } from './store/life/fresh.js'
import { createLife } from './store/life/life.js'
import { createPing } from './store/redis/ping.js'
import { holdBack } from './store/redis/disk.js'
import { createRoom } from './store/redis/room.js'
import { createSound } from './store/redis/sound.js'
import { createTrust } from './store/redis/trust.js'
import { createStores } from './stores.js'
import { createTimers } from './timers.js'

/**
 * Wires a gateway to a Redis.
 * @returns `context` for the operations, `hub` for the transports, `meter` for the metrics, `idempotency`, `drain`: see there;
 *   `store()`: why it cannot be worked with; `isTimeKnown()`: whether `context.now()` is its time yet [TIME-1];
 *   `start()` begins its timers, `stop()` ends all streams with BYE 4200.
 */
export function createGateway ({
  redis: connection, node, limits, events: kinds, loginPolicy, direct, webhooks: config = noWebhooks, hooks: asked = noHooks, tokens,
  durability, onUnfit, isSealed, disk, own, log
}: GatewayFacts) {
  const meter = createMeter()
  const clock = createClock(connection, {
    onRoundTrip: ms => meter.redisAnswered(ms), onSet: () => { if (timers.areRunning()) sweeper.sweep() }
  })
  const { now, time } = clock
  const onUnreadable = createUnreadable({ meter, log })
  const witness = createSound(connection, onUnreadable)
  const lives = createLives({ meter, memories: () => [recalled, hub, webhooks], log })
  const life = createLife(witness, clock, { node, isSealed, onBegun: lives.begun })
  let hasEnded = false
  const trust = createTrust({ redis: connection, expected: durability, ...createBeat(life, clock), onTrusted, onUnfit, log })
  const room = createRoom({ redis: trust.gated, disk, own, onRoom: onTrusted, onEvicting: trust.doubt, log })
  meter.store = trust.state
  meter.room = room.state
  // the beat, too, spares the last of the disk; a life that must begin is noted
  holdBack(witness, () => trust.state().reason === undefined ? room.held() : undefined)
  const redis = createSound(room.watched, onUnreadable)
  holdBack(redis, room.held)
  const memory = createMemory(() => nodes, lives)
  const fresh = createFresh(memory.proven, lives.isOfThis)
  const store = { redis, node, limits, feed: feedOf(kinds, limits), life, now, fresh, onUnreadable }
  const stores = createStores(store, { loginPolicy, direct, sealers: config.sealers })
  const { conversations, sends, markers, lists, boxes, terminals, kicks, storedLeases, events, mailbox, targets, outbox } = stores
  const recalled = createRecalled({ onRecall: releaseAll })
  const onSeen = (...item: Parameters<typeof boxes.seen>) => void boxes.seen(...item).catch(() => undefined) // shown once more at worst
  const renderer = createRenderer({ recalled, now, printed: meter.printed, onUnreadable, onSeen })
  const retries = createRetries()
  const pressure = createPressure({ meter })
  // signs of life are told before who has no lease is closed
  const sweeper = createSweeper({ sweep: async () => await leases.flush().then(hub.sweep), log })
  const lookout = createSweeper({ sweep: async () => await hub.glance(), log })
  const awake = createAwake(limits.leaseSec * 1000, onTrusted)
  const leases = createLeases({ leases: storedLeases, meter, leaseMs: limits.leaseSec * 1000, awake, log })
  const watch = createWatch({ events })
  const webhooks = createWebhooks({
    targets, outbox, config, kinds, limits, until: watch.until, now, counts: meter.webhooks, log
  })
  meter.webhooksWaiting = webhooks.waiting
  const hooks = createHooks({ config: asked, allow: config.allow, limits, readJson, now, meter, log })
  const before = createBefore({ hooks, ...stores, aside: pressure.aside })
  const makeJob = createJobs({ conversations, boxes, fresh, renderer, now })
  const journal = createJournal({ meter, log })
  const entrance = createEntrance({
    mailbox,
    decideStart: createStarts({ lists, makeJob }),
    limits,
    journal,
    refuses: pressure.refuses,
    bring: (userId, login) => everybody.bring(userId, login),
    buryDead: userId => buryDead(userId),
    presence: leases,
    onReplaced: (userId, facts) => kicker.replaced(userId, facts),
    async onEvicted (userId, terminalId) {
      meter.evictions++
      await deliver.forgetTerminal(userId, terminalId, 'evicted')
    }
  })
  const shared = { mailbox, entrance, journal, renderer, meter, makeJob, limits, now, retries, memory, log }
  const hub = createHub({
    ...shared,
    leases: storedLeases,
    presence: leases,
    closeKicked: (userId, connections) => kicker.closeKicked(userId, connections),
    // a session that cannot be had begins anew: nothing of it moves a cursor
    inherit: async (userId, terminalId) => await deliver.inherit(userId, terminalId).catch(() => undefined),
    recheck: createRecheck({ conversations, boxes, recalled, fresh })
  })
  const onTwin = () => void life.leave().catch(() => undefined).finally(() => onUnfit?.(TWIN))
  const presence = createPresence({ hub, ...stores, now, log })
  const nodes = createNodes({
    redis, node, hub, recalled, presence, clock, log, onSubscribed: sweeper.sweep, onDeaf: lookout.look, onTwin, onMark: life.saw
  })
  meter.hearing = nodes
  const deliver = createDeliver({
    conversations, sends, markers, lists, boxes, terminals, hub, here: node, nodes, recalled, now, onLost: sweeper.lost
  })
  const buryDead = createDead({ terminals, leases: storedLeases, nodes, now })
  const everybody = createEverybody({ shared: stores.shared, hub, deliver, log })
  const kicker = createKicker({ kicks, terminals, deliver, buryDead, now })
  const reaper = createReaper({ leases: storedLeases, nodes, meter, now, log })
  const timers = createTimers({ awake, hub, sweeper, leases, reaper, room, limits })
  const mintToken: Context['mintToken'] = async (userId, ttlSec) =>
    await tokens.mint(userId, { issuedAt: await kicks.welcomeFrom(userId), ttlSec }) // [KICK-3] later than every kick
  const reports = createReports({ ...stores, nodes, now })
  const acting = { kicker, everybody, deliver, remove: createRemover({ ...stores, kicker, deliver, now }) }
  const verifyToken = tokens.verify
  const context: Context = {
    ...stores, ...acting, before, reports, webhooks, leases, watch, fresh, limits, now, time, mintToken, verifyToken
  }

  function onTrusted (): void {
    if (hasEnded) return
    nodes.speak()
    if (!timers.areRunning()) return // not started yet
    void webhooks.look()
    sweeper.catchUp()
    retries.now()
  }

  return {
    context,
    hub,
    meter,
    idempotency: stores.idempotency,
    isTimeKnown: clock.isKnown,
    drain: createDrain(hub, log),
    pressure,
    unready: createReadiness({ nodes, sweeper, room, awake }),
    store: trust.state,
    ping: createPing(redis, trust),

    /** Begins heartbeats and sweeps; the first sweep, and those after every reconnect, make good what was missed meanwhile. */
    async start (): Promise<void> {
      await trust.firstWord()
      room.start()
      timers.start()
      everybody.start()
      await webhooks.start()
      if (trust.state().reason === undefined) sweeper.sweep()
    },

    /** Says, when the last request has been answered, that this node has no more to say of what it has seen. [STORE-1] */
    async leave (): Promise<void> {
      await webhooks.stop()
      await hooks.close()
      trust.stop()
      await life.leave().catch(() => undefined)
    },

    /** Ends all streams and stops listening to other nodes. What is still asked is answered as before, until `leave`. */
    stop (): void {
      hasEnded = true
      void webhooks.stop()
      for (const part of [timers, everybody, room, watch, sweeper, lookout]) part.stop()
      hub.end('DRAIN')
      nodes.close()
    }
  }
}
