// What is sent: kept with its id before it is tried, until it is known what became of it. A retry has the same id: stored once. [MSG-2]
import type { Base } from '../base/base.js'
import { closed, errorOf, IrisError, notIris } from '../base/error.js'
import { childOf, pauseOf, wait } from '../base/platform.js'
import type { KeptItem } from '../base/shapes.js'
import type { Store } from '../base/store.js'
import type { Events, OutboxItem } from '../base/types.js'
import type { Ack, MessageBody } from '../base/wire.js'
import { isExpired } from './expiry.js'
import { bodyOf, conflict, contentOf, expired, itemFor, keepOrder, targetOf } from './item.js'

const LIMIT = 100
/** What another tab has kept for longer is sent by this one, too: it may be gone. */
const LEFT_MS = 15_000
/** So often one is answered, and not taken, before those to others go by: something before the gateway may refuse it for ever. */
const PATIENCE = 3
/** A longer wait is the caller's decision: it fails. */
const LONGEST_SEC = 60

const PATH = '/v1/up/msg'
interface Waiting { promise: Promise<Ack>, resolve (ack: Ack): void, reject (error: IrisError): void }
type Outcome = Omit<Events['outbox'], 'item' | 'state'>

interface Parts {
  /** The tab that writes. */
  tab (): string
  /** It is stored: the message as far as it is known here. */
  stored (message: Omit<OutboxItem, 'at' | 'attempts' | 'to'> & Ack): void
}

/** Makes the outbox of a tab. One message after the other, in the order in which they were written. */
export function createOutbox (base: Base, { tab, stored }: Parts) {
  const { calls, clock, emit, ended, me } = base
  let items: KeptItem[] = []
  const promises = new Map<string, Waiting>()
  let store: Store | undefined
  /** Whether no other tab has a part in what is kept; whether one of them looks for what is left. */
  let [isAlone, isLed] = [true, false]
  /** Settled, and still kept. */
  const gone = new Set<string>()
  let isBusy = false
  /** What could not be sent waits: for its time, or, where the server has said when, for nothing else (`isTold`). */
  let [isPaused, isTold] = [false, false]
  let reading: Promise<unknown> = Promise.resolve()
  let pause = childOf(ended)
  let failures = 0

  const itemOf = (id: string) => items.find(({ clientMsgId }) => clientMsgId === id)
  const tell = (item: KeptItem, state: Events['outbox']['state'], outcome?: Outcome) => emit('outbox', { item, state, ...outcome })

  const save = async (item: KeptItem) => await store?.put('outbox', item.clientMsgId, item)

  async function drop (id: string): Promise<void> {
    gone.add(id)
    await store?.put('outbox', id)
    await reading // what has been read meanwhile may still have it
    gone.delete(id)
  }

  async function write (to: string, body: MessageBody): Promise<Ack> {
    const item = itemFor(to, body, tab())
    const [there, known] = [itemOf(item.clientMsgId), promises.get(item.clientMsgId)]
    if (there && contentOf(there) !== contentOf(item)) throw conflict
    if (known) return await known.promise
    const waiting = {} as Waiting
    waiting.promise = new Promise((...settle) => { [waiting.resolve, waiting.reject] = settle })
    promises.set(item.clientMsgId, waiting)
    if (there) return await waiting.promise
    items.push(item)
    if (ended.aborted) fail(item, closed)
    else if (items.length > LIMIT) fail(item, new IrisError('OUTBOX_FULL', `${LIMIT} messages wait`))
    else {
      tell(item, 'sending')
      void save(item).then(flush)
    }
    return await waiting.promise
  }

  function send (to: string, body: MessageBody): Promise<Ack> {
    const promise = write(to, body)
    promise.catch(() => undefined) // who does not wait for it hears of it by the event
    return promise
  }

  const next = () => !ended.aborted && store && items[0]

  async function flush (): Promise<void> {
    if (isBusy || isTold) return
    isBusy = true
    pause.abort()
    let pauseSec = 0
    for (let item; !pauseSec && (item = next());) pauseSec = await deliver(item)
    isBusy = false
    isPaused = pauseSec > 0
    if (!isPaused || pauseSec === Infinity) return
    const { signal } = pause = childOf(ended)
    void wait(1000 * pauseSec, signal).then(() => {
      isTold = false
      if (!signal.aborted) void flush()
    })
  }

  /** @returns 0: on with the next one; else when to try again, s: Infinity for when somebody says so. */
  async function deliver (item: KeptItem): Promise<number> {
    // before the server is heard nobody knows what time it is, however wrong this clock may be
    const isGuess = !item.triedAt && clock.aheadMs() === undefined
    try {
      if (await isExpired(item, base)) return fail(item, expired)
      // it may be at the server from now on, and this tab gone before the answer is here
      item.triedAt ??= clock.serverMs()
      if (item.attempts++) tell(item, 'sending')
      else await save(item)
      if (!settle(await calls.once<Ack>(PATH, bodyOf(item))) && itemOf(item.clientMsgId)) throw notIris({ status: 200, url: PATH })
      failures = 0
      return 0
    } catch (cause) {
      const error = errorOf(cause)
      const { status, code, retryable, retryAfter = 0 } = error
      // it is the user who is refused, or the client that is closed, not what he says; what something else refuses has not been tried
      const isHis = status === 401 || code === 'SIGNED_OUT' || code === 'CLOSED'
      if (!itemOf(item.clientMsgId)) return 0 // settled by the stream meanwhile
      if (retryAfter > LONGEST_SEC || (!retryable && !isHis && code !== 'NOT_IRIS')) return fail(item, error)
      if (isGuess) item.triedAt = status ? clock.serverMs() : undefined
      tell(item, 'waiting', { error })
      void save(item)
      if (isHis) return Infinity
      const isWith = (other: KeptItem) => targetOf(other, me.userId) === targetOf(item, me.userId)
      if (status && item.attempts >= PATIENCE) items = [...items.filter(other => !isWith(other)), ...items.filter(isWith)]
      // no answer: nobody knows whether it is stored, so the first retry goes at once
      isTold = retryAfter > 0
      return failures++ === 0 && !status ? 0 : retryAfter + pauseOf(failures) / 1000
    }
  }

  function fail (item: KeptItem, error: IrisError): 0 {
    take(item)?.reject(error)
    tell(item, 'failed', { error })
    return 0
  }

  function take (item: KeptItem) {
    const id = item.clientMsgId
    items = items.filter(other => other !== item)
    void drop(id)
    const waiting = promises.get(id)
    promises.delete(id)
    return waiting
  }

  /** The answer, ACK_DOWN and the message itself say the same: the first one settles it. [DOWN-1] @returns whether it was here */
  function settle (ack: Ack): boolean {
    const item = itemOf(ack.clientMsgId)
    if (!item) return false
    take(item)?.resolve(ack)
    tell(item, 'stored', { ack })
    const { to, ...message } = bodyOf(item)
    stored({ ...message, ...ack })
    return true
  }

  /** Finds what was kept by this tab before a reload, and sends it. @param isLeft also by tabs that are gone, as it seems */
  async function look (isLeft = !isLed): Promise<void> {
    await (reading = read(isLeft))
    if (!isPaused) await flush()
  }

  async function read (isLeft: boolean): Promise<void> {
    const isDue = (item: KeptItem) => isAlone || item.tab === tab() || (isLeft && Date.now() - item.at > LEFT_MS)
    const kept = await store?.each<KeptItem>('outbox') ?? []
    const left = kept.filter(item => !gone.has(item.clientMsgId) && !itemOf(item.clientMsgId) && isDue(item))
    items = [...left.sort((one, other) => (one.order ?? 0) - (other.order ?? 0)), ...items]
    for (const item of left) {
      keepOrder(item)
      tell(item, 'waiting')
    }
  }

  /** @param hasTabs other tabs keep what they send here, too @param hasLeader one of them looks for what is left */
  function open (opened: Store, hasTabs: boolean, hasLeader: boolean): void {
    store = opened
    ;[isAlone, isLed] = [!hasTabs, hasLeader]
    for (const item of items) void save(item)
    void look(true)
  }

  function close (): void {
    store = undefined // another one may send what is kept
    for (const { reject } of promises.values()) reject(closed)
  }

  /** Something has changed, that nobody knew of when it was told to wait. */
  function hurry (): void {
    failures = 0
    isPaused = isTold = false
    void look()
  }

  return { send, settle, open, close, hurry, look, items: () => items }
}
export type Outbox = ReturnType<typeof createOutbox>
