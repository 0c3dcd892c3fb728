// The client of a user: what connects, keeps, sends and receives, put together. docs/clients.md explains it.
import { createBase } from './base/base.js'
import { errorOf } from './base/error.js'
import { newId, world } from './base/platform.js'
import { createStore, type Store } from './base/store.js'
import type { Iris, Options, TransportName } from './base/types.js'
import { createLine } from './line/line.js'
import { meansOf, namesOf, queryOf } from './line/means.js'
import { createWays } from './line/ways.js'
import type { Known, Told } from './base/shapes.js'
import { claimTab, tabOf } from './tabs/tab.js'
import { createTurn } from './tabs/turn.js'
import { createWords } from './tabs/words.js'
import { createActions } from './terminal/actions.js'
import { createOutbox } from './terminal/outbox.js'
import { createPresence } from './terminal/presence.js'
import { createReceiver } from './terminal/receive.js'

/** Connects a user, and keeps him connected until `close()`. Throws BAD_OPTION; all else that goes wrong is a `state`, with a reason. */
export function connect (options: Options): Iris {
  const base = createBase(options)
  const { url, emit, clock, tokens, calls, timing, me, show, ended } = base
  const { document, navigator: { locks } = {}, BroadcastChannel } = world
  const isShared = (options.share ?? document) && locks && BroadcastChannel
  const isOne = document && !isShared
  let tab = document ? tabOf() : newId()
  let store: Store | undefined
  let kept: Known = {}

  const say = (event: string, data: object) => tell({ event, data: data as Record<string, unknown> })
  const warn = (error: unknown) => emit('warning', errorOf(error))
  const nameOf = () => `iris:${new URL(url).host}:${me.userId}:`

  const openStore = () => store ?? createStore(options.storage, nameOf() + (isOne ? `${tab}:` : ''), warn)

  /** Tells all tabs. */
  function publish (frame: Told): void {
    tell(frame)
    receiver.receive(frame)
  }

  const outbox = createOutbox(base, {
    tab: () => tab,
    stored: ({ epoch, duplicate, ...message }) => publish({ event: 'MSG_DOWN', data: { ...message, from: me.userId, source: 'live' } })
  })
  const { actions, resync, fillHole } = createActions(base, { publish, receive: frame => receiver.receive(frame) })
  const presence = createPresence(base, options.lease !== undefined)
  const { words, ask, lead } = createWords(base, {
    presence,
    say,
    receiver: () => receiver,
    heard: () => heard(),
    isLeading: () => isLeading(),
    reconnect,
    close: () => end('signed out in another tab', true)
  })
  const receiver = createReceiver(base, {
    outbox,
    onHole: range => { if (isLeading()) fillHole(range).catch(warn) },
    onReset: () => void resync().catch(warn),
    onReady: outbox.hurry,
    // else BYE 4101 comes, and a login
    onAuth: () => { if (isLeading()) void tokens.renew().then(token => calls.insist('/v1/up/token', { token })).catch(warn) },
    onPending: pending => { if (isLeading()) void store?.set('pending', pending) },
    words
  })

  const means = meansOf(options)
  const ways = createWays(namesOf(means, options.transports), timing.betterMs)
  const line = createLine(base, {
    means,
    ways,
    query: () => queryOf(options, me.terminalId, receiver.cursor()),
    onState (state) {
      show(state)
      say('STATE', { ...state, error: undefined })
      if (state.state === 'live') {
        presence.begin()
        presence.again()
      } else if (state.state !== 'connecting') presence.stop()
    },
    onFrame (frame) {
      publish({ ...frame, isDown: true })
      if (frame.id) void store?.set('cursor', frame.id)
    }
  })

  const { open, leave, begin, isLeading, tell, heard } = createTurn(base, {
    line,
    presence,
    outbox,
    receive: receiver.receive,
    ask,
    onLead () {
      // a tab that has followed goes on from what it has heard
      if (!receiver.cursor()) receiver.goOn(kept)
      begin()
      lead()
    }
  })

  async function start (): Promise<void> {
    // whose it is must be known before what was kept of him is
    me.userId ??= await tokens.whose(show)
    if (!me.userId || ended.aborted) return
    if (isOne) tab = await claimTab()
    if (ended.aborted) return
    store = openStore()
    me.terminalId ??= await store.word('terminal') ?? `t-${newId()}`
    void store.set('terminal', me.terminalId)
    await ways.recall(store)
    kept = { cursor: await store.word('cursor'), pending: await store.list<never>('pending') }
    if (ended.aborted) return
    outbox.open(store, !isShared)
    open(nameOf(), isShared && locks)
  }

  function reconnect (transport?: TransportName): void {
    if (transport) ways.choose(transport)
    if (me.state.state === 'closed') {
      tokens.dropToken()
      show({ state: 'connecting', reason: 'reconnect() was called', transport: '' })
      if (!store) return void start()
    }
    if (isLeading()) line.open()
    else if (store) say('CONNECT', { transport })
  }

  function end (reason: string, isForgotten?: boolean): void {
    base.end()
    leave()
    outbox.close()
    if (isForgotten && me.userId) void openStore().forget(nameOf())
    show({ state: 'closed', reason, transport: '' })
  }

  void start()
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
