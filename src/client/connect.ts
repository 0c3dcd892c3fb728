// The client of a user: what connects, keeps, sends and receives, put together. docs/clients.md explains it.
import { createActions } from './actions.js'
import { createBase } from './base.js'
import { errorOf } from './error.js'
import { watchLife } from './life.js'
import { createLine, meansOf, queryOf } from './line.js'
import { createOutbox } from './outbox.js'
import { newId, tabOf, world } from './platform.js'
import { createPresence } from './presence.js'
import { createReceiver, type Told } from './receive.js'
import { createStore, type Store } from './store.js'
import { createTabs } from './tabs.js'
import type { Iris, Options, State, TransportName } from './types.js'
import { createWays } from './ways.js'
import { createWords } from './words.js'

/** Connects a user, and keeps him connected until `close()`. Throws BAD_OPTION; all else that goes wrong is a `state`, with a reason. */
export function connect (options: Options): Iris {
  const base = createBase(options)
  const { url, emit, clock, tokens, calls, timing } = base
  const { document, navigator: { locks } = {}, BroadcastChannel } = world
  const tab = tabOf()
  let [userId, terminalId] = [options.userId, options.terminalId]
  let state: State = { state: 'connecting', reason: 'it begins', transport: '' }
  let store: Store | undefined
  let tabs: ReturnType<typeof createTabs> | undefined
  let [isClosed, isLeading] = [false, false]

  const say = (event: string, data: object) => tabs?.say({ event, data: data as Record<string, unknown> })
  const warn = (error: unknown) => emit('warning', errorOf(error))
  const outbox = createOutbox(base, {
    tab,
    stored: ({ epoch, duplicate, ...message }) => publish({ event: 'MSG_DOWN', data: { ...message, from: userId, source: 'live' } })
  })
  const { actions, resync, fill } = createActions(base, { userId: () => userId, publish, receive: frame => receiver.receive(frame) })
  const presence = createPresence(base, options.lease !== undefined)

  const is = () => ({ terminalId, state: { ...state, error: undefined } })
  const tell = { presence, say, be, is, show, reconnect, receiver: () => receiver, tabs: () => tabs, isLeading: () => isLeading }
  const { words, ask, lead } = createWords(tell)
  const receiver = createReceiver(base, {
    outbox,
    onHole: range => { if (isLeading) fill(range).catch(warn) },
    onReset: () => void resync().catch(warn),
    onReady: outbox.hurry,
    // else BYE 4101 comes, and a login
    onAuth: () => { if (isLeading) void tokens.renew().then(token => calls.call('/v1/up/token', { token })).catch(warn) },
    onPending: pending => { if (isLeading) void store?.set('pending', pending) },
    words
  })

  const { names, ...means } = meansOf(options)
  const ways = createWays(names, timing.betterMs)
  const line = createLine(base, {
    ...means,
    ways,
    query: () => queryOf(options, terminalId, receiver.cursor),
    onState (state) {
      show(state)
      say('STATE', { ...state, error: undefined })
      if (state.state === 'live') {
        presence.start()
        presence.again()
      } else if (state.state !== 'connecting') presence.stop()
    },
    onFrame (frame) {
      publish({ ...frame, isDown: true })
      if (frame.id) void store?.set('cursor', frame.id)
    }
  })

  /** Tells all tabs. */
  function publish (frame: Told): void {
    tabs?.say(frame)
    receiver.receive(frame)
  }

  /** @returns whether there is anything to go on with. */
  function show (next: State): boolean {
    const isSame = next.state === state.state && next.reason === state.reason && next.transport === state.transport
    if (isClosed && next.state !== 'closed') return false
    state = next
    if (!isSame) emit('state', next)
    return !isClosed
  }

  function be (id: string): void {
    terminalId = id
    calls.be(id)
  }

  async function start (): Promise<void> {
    // whose it is must be known before what was kept of him is
    userId ??= await tokens.whose(show)
    if (!userId || isClosed) return
    const isShared = (options.share ?? document) && locks && BroadcastChannel
    const name = `iris:${new URL(url).host}:${userId}:`
    store = createStore(options.storage, document && !isShared ? `${name}${tab}:` : name, warn)
    be(options.terminalId ?? await store.text('terminal') ?? `t-${newId()}`)
    void store.set('terminal', terminalId)
    await ways.open(store)
    const kept = { cursor: await store.text('cursor'), pending: await store.list<never>('pending') }
    if (isClosed) return
    outbox.open(store, !isShared)
    const onLead = () => {
      // a tab that has followed goes on from what it has heard
      if (!receiver.cursor) receiver.resume(kept)
      begin()
      lead()
    }
    if (!isShared) return onLead()
    const channel = new BroadcastChannel(name)
    channel.onmessage = ({ data }) => receiver.receive(data as Told)
    tabs = createTabs({
      ...{ name, locks, channel, onLead },
      everyMs: timing.tabMs,
      onFollow: rest,
      ask,
      onTick: () => isLeading && [presence.change(), outbox.look()]
    })
    tabs.join()
  }

  /** What was told to stay away comes back when somebody says so: not since a tab was closed, or a page thawed. */
  function begin (): void {
    isLeading = true
    if (state.state !== 'closed') line.open()
  }

  function rest (): void {
    isLeading = false
    line.stop()
    presence.stop()
  }

  function reconnect (transport?: TransportName): void {
    if (transport) ways.choose(transport)
    if (state.state === 'closed') {
      tokens.forget()
      show({ state: 'connecting', reason: 'reconnect() was called', transport: '' })
      if (!store) return void start()
    }
    if (isLeading) line.open()
    else if (store) say('CONNECT', { transport })
  }

  const unwatch = watchLife({
    onShown: () => isLeading ? presence.change() : tabs?.ask(),
    onWake (isOther) {
      if (isOther && isLeading && state.state !== 'closed') line.open()
      else line.wake()
      outbox.hurry()
    },
    onFreeze () {
      if (tabs) tabs.leave()
      else rest()
      if (state.state !== 'closed') show({ state: 'waiting', reason: 'the page is frozen', transport: '' })
    },
    onThaw () {
      if (!store || isLeading) return
      if (tabs) tabs.join()
      else begin()
    }
  })

  function close (): void {
    isClosed = true
    unwatch()
    tabs?.end()
    tabs = undefined
    rest()
    outbox.close()
    base.end()
    show({ state: 'closed', reason: 'close() was called', transport: '' })
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
    close,
    get userId () { return userId },
    get terminalId () { return terminalId },
    get state () { return state },
    get cursor () { return receiver.cursor },
    get aheadMs () { return clock.aheadMs ?? 0 },
    get outbox () { return outbox.items },
    get pending () { return receiver.pending },
    [Symbol.asyncIterator]: base.iterate
  }
}
