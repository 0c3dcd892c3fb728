// What is sent: kept with its id before it is tried, until it is known what became of it. A retry has the same id: stored once. [MSG-2]
import type { Base } from '../base/base.js'
import { closed, errorOf, IrisError, notIris } from '../base/error.js'
import { childOf, pauseOf, wait } from '../base/platform.js'
import type { KeptItem } from '../base/shapes.js'
import type { Store } from '../base/store.js'
import type { Events, OutboxItem } from '../base/types.js'
import type { Ack, MessageBody } from '../base/wire.js'
import { conflict, contentOf, expired, itemFor } from './item.js'

const LIMIT = 100
/** So long the server knows an id again. */
const LIFE_MS = 24 * 3_600_000
/** What another tab has kept for longer is sent by this one, too: it may be gone. */
const LEFT_MS = 15_000
/** A longer wait is the caller's decision: it fails. */
const LONGEST_SEC = 60

const PATH = '/v1/up/msg'
interface Waiting { promise: Promise<Ack>, resolve (ack: Ack): void, reject (error: IrisError): void }
type Lock = (work: () => Promise<void>) => Promise<unknown>
type Outcome = Omit<Events['outbox'], 'item' | 'state'>

interface Parts {
  /** The tab that writes. */
  tab (): string
  /** It is stored: the message as far as it is known here. */
  stored (message: Omit<OutboxItem, 'at' | 'attempts' | 'to'> & Ack): void
}

/** Makes the outbox of a tab. One message after the other, in the order in which they were written. */
export function createOutbox ({ calls, emit, ended }: Base, { tab, stored }: Parts) {
  let items: KeptItem[] = []
  const promises = new Map<string, Waiting>()
  let store: Store | undefined
  let lock: Lock | undefined
  /** Settled, and still kept. */
  const gone = new Set<string>()
  let isBusy = false
  let saving = Promise.resolve()
  let keeping: Promise<unknown> | undefined
  let pause = childOf(ended)
  let failures = 0

  const itemOf = (id: string) => items.find(({ clientMsgId }) => clientMsgId === id)
  const tell = (item: KeptItem, state: Events['outbox']['state'], outcome?: Outcome) => emit('outbox', { item, state, ...outcome })

  /** Reads what is kept. @param use gets what is not of here, and all; it is done before anything else is written from here */
  const withKept = (use: (others: KeptItem[], kept: KeptItem[]) => unknown): Promise<void> => (saving = saving.then(async () => {
    const kept = await store?.list<KeptItem>('outbox') ?? []
    await use(kept.filter(({ clientMsgId }) => clientMsgId && !gone.has(clientMsgId) && !itemOf(clientMsgId)), kept)
  }))

  async function put (others: KeptItem[]): Promise<void> {
    const written = [...gone]
    await store?.set('outbox', [...others, ...items])
    for (const id of written) gone.delete(id)
  }

  const save = () => withKept(put)

  const putMissing = () => withKept(async (others, kept) => {
    const ids = new Set(kept.map(({ clientMsgId }) => clientMsgId))
    if (items.some(({ clientMsgId }) => !ids.has(clientMsgId))) await put(others)
  })

  /** Another tab that has written at the same moment may have written over what is ours: looked after by one tab at a time. */
  function keep (): void {
    if (lock && items.length) keeping ??= lock(putMissing).catch(putMissing).finally(() => { keeping = undefined })
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
      void save().then(flush)
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
    if (isBusy) return
    isBusy = true
    pause.abort()
    let pauseSec = 0
    for (let item; !pauseSec && (item = next());) pauseSec = await deliver(item)
    isBusy = false
    if (!pauseSec || pauseSec === Infinity) return
    const { signal } = pause = childOf(ended)
    void wait(1000 * pauseSec, signal).then(() => { if (!signal.aborted) void flush() })
  }

  /** @returns 0: on with the next one; else when to try again, s: Infinity for when somebody says so. */
  async function deliver (item: KeptItem): Promise<number> {
    const { tab, at, attempts, ...body } = item
    // by the clock that wrote it: however wrong it is, its own differences are right
    if (Date.now() - at > LIFE_MS) return fail(item, expired)
    if (item.attempts++) tell(item, 'sending')
    try {
      if (!settle(await calls.once<Ack>(PATH, body)) && itemOf(item.clientMsgId)) throw notIris({ status: 200, url: PATH })
      failures = 0
      return 0
    } catch (cause) {
      const error = errorOf(cause)
      const { status, code, retryable, retryAfter = 0 } = error
      // it is the user who is refused, or the client that is closed, not what he says; what something else refuses has not been tried
      const isHis = status === 401 || code === 'SIGNED_OUT' || code === 'CLOSED'
      if (!itemOf(item.clientMsgId)) return 0 // settled by the stream meanwhile
      if (retryAfter > LONGEST_SEC || (!retryable && !isHis && code !== 'NOT_IRIS')) return fail(item, error)
      tell(item, 'waiting', { error })
      void save() // another tab may have written at the same time
      if (isHis) return Infinity
      // no answer: nobody knows whether it is stored, so the first retry goes at once
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
    gone.add(id)
    void save()
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
    const { tab, at, attempts, to, ...message } = item
    stored({ ...message, ...ack })
    return true
  }

  /** Sends what waits, and what was kept: by this tab before a reload, or by one that is gone. */
  async function look (): Promise<void> {
    await withKept(others => {
      const left = others.filter(item => !lock || item.tab === tab() || Date.now() - item.at > LEFT_MS)
      items = [...left, ...items]
      for (const item of left) tell(item, 'waiting')
    })
    await flush()
  }

  /** @param shared where other tabs send what is kept here, too: does the work while none of them does the like */
  function open (opened: Store, shared?: Lock): void {
    store = opened
    lock = shared
    void save()
    void look()
  }

  function close (): void {
    void save().then(() => { store = undefined }) // another one may send what is kept
    for (const { reject } of promises.values()) reject(closed)
  }

  function hurry (): void {
    failures = 0
    void look()
  }

  return { send, settle, open, close, hurry, look, keep, items: () => items }
}
export type Outbox = ReturnType<typeof createOutbox>
