// The client of a user: what connects, keeps, sends and receives, put together. docs/clients.md explains it.
import { createBase } from './base/base.js'
import { world } from './base/platform.js'
import type { Known, Told } from './base/shapes.js'
import type { Iris, Options, TransportName } from './base/types.js'
import { createLine } from './line/line.js'
import { meansOf, namesOf, queryOf, waysFor } from './line/means.js'
import { createWays } from './line/ways.js'
import { createIdentity } from './tabs/identity.js'
import { createTurn } from './tabs/turn.js'
import { createWords } from './tabs/words.js'
import { createActions } from './terminal/actions.js'
import { createOutbox } from './terminal/outbox.js'
import { createPresence } from './terminal/presence.js'
import { createReceiver } from './terminal/receive.js'

/** Connects a user, and keeps him connected until `close()`. Throws BAD_OPTION; all else that goes wrong is a `state`, with a reason. */
export function connect (options: Options): Iris {
  const base = createBase(options)
  const { clock, tokens, calls, timing, me, show, warn, ended } = base
  const { document, navigator: { locks } = {}, BroadcastChannel } = world
  /** Where the tabs of this browser share one connection. */
  const shared = ((options.share ?? document) && BroadcastChannel && locks) || undefined
  const isPerTab = Boolean(document && !shared)
  const identity = createIdentity(base, options.storage, isPerTab)
  const { store } = identity
  let kept: Known = {}

  const say = (event: string, data: object) => tell({ event, data: data as Record<string, unknown> })

  /** Tells all tabs. */
  function publish (frame: Told): void {
    tell(frame)
    receive(frame)
  }

  /** What a tab has had by a call shows the one that leads that the gateway is there. */
  function receive (frame: Told): void {
    receiver.receive(frame)
    if (frame.event === 'MSG_DOWN' && !frame.isDown) line.answered()
  }

  const outbox = createOutbox(base, {
    tab: identity.tab,
    stored: ({ epoch, duplicate, ...message }) => publish({ event: 'MSG_DOWN', data: { ...message, from: me.userId, source: 'live' } })
  })
  const { actions, resync, fillHole } = createActions(base, {
    publish,
    receive: frame => receiver.receive(frame),
    asKnown: message => receiver.asKnown(message)
  })
  const presence = createPresence(base, options.lease !== undefined)
  const { words, ask, lead, sayState } = createWords(base, {
    presence,
    say,
    receiver: () => receiver,
    heard: state => heard(state),
    isLeading: () => isLeading(),
    // another tab may have ways that this one has not
    reconnect: name => reconnect(ways.has(name) ? name : undefined),
    close: () => end('signed out in another tab', true)
  })
  const receiver = createReceiver(base, {
    outbox,
    onHole: range => { if (isLeading()) fillHole(range).catch(warn) },
    onReset: () => void resync().catch(warn),
    onReady: outbox.hurry,
    // else BYE 4101 comes, and a login
    onAuth ({ expiresInSec }) {
      if (isLeading()) void tokens.next(expiresInSec).then(token => calls.insist('/v1/up/token', { token })).catch(warn)
    },
    onPending: pending => { if (isLeading()) void store()?.set('pending', pending) },
    words
  })

  const means = meansOf(options)
  const ways = createWays(namesOf(means, options.transports ?? waysFor(isPerTab && base.url.startsWith('http:'))), timing.betterMs)
  const line = createLine(base, {
    means,
    ways,
    query: () => queryOf(options, me.terminalId, receiver.cursor()),
    onState (state) {
      show(state)
      sayState(state)
      if (state.state === 'live') {
        presence.begin()
        presence.again()
      } else if (state.state !== 'connecting') presence.stop()
    },
    onFrame (frame) {
      publish({ ...frame, isDown: true })
      const { id } = frame
      if (id) base.whenHandled(() => void store()?.set('cursor', id))
    }
  })

  const { open, leave, begin, isLeading, tell, heard } = createTurn(base, {
    line,
    presence,
    outbox,
    receive,
    ask,
    onLead () {
      // of two that begin at once each has made one
      void store()?.set('terminal', me.terminalId)
      // a tab that has followed goes on from what it has heard
      if (!receiver.cursor()) receiver.goOn(kept)
      begin()
      lead()
    }
  })

  async function start (): Promise<void> {
    const opened = await identity.learn()
    if (!opened) return
    await ways.recall(opened)
    kept = { cursor: await opened.word('cursor'), pending: await opened.list<never>('pending') }
    if (ended.aborted) return
    outbox.open(opened, Boolean(shared) || isPerTab, Boolean(shared))
    open(identity.name(), shared)
  }

  function reconnect (transport?: TransportName): void {
    if (transport) ways.choose(transport)
    if (me.state.state === 'closed') {
      tokens.dropToken()
      show({ state: 'connecting', reason: 'reconnect() was called', transport: '' })
      if (!store()) return void start()
    }
    tokens.hurry()
    if (isLeading()) line.open()
    else if (store()) say('CONNECT', { transport })
  }

  function end (reason: string, isForgotten?: boolean): void {
    base.end()
    leave()
    outbox.close()
    if (isForgotten) void identity.forget()
    show({ state: 'closed', reason, transport: '' })
  }

  // whoever listens in the next line hears everything
  queueMicrotask(() => void start())
  return {
    ...actions,
    send: outbox.send,
    async presence (users, { watch } = {}) {
      const items = await presence.ask(users, watch)
      if (watch) say('WATCH', presence.watched())
      return items
    },
    on: base.on,
    reconnect,
    close ({ forget } = {}) {
      if (forget) say('CLOSE', {})
      end('close() was called', forget)
    },
    get userId () { return me.userId },
    get terminalId () { return me.terminalId },
    get state () { return me.state },
    get cursor () { return receiver.cursor() },
    get aheadMs () { return clock.aheadMs() ?? 0 },
    get outbox () { return outbox.items() },
    get pending () { return receiver.pending() },
    [Symbol.asyncIterator]: base.iterate
  }
}
