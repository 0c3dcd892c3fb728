// What is sent: kept with its id before it is tried, until it is known what became of it. A retry has the same id: stored once. [MSG-2]
import type { Base } from './base.js'
import { errorOf, IrisError, notIris } from './error.js'
import { newId, pauseOf } from './platform.js'
import type { Store } from './store.js'
import type { OutboxItem } from './types.js'
import type { Ack, MessageBody } from './wire.js'

const LIMIT = 100
/** So long the server knows an id again. */
const LIFE_MS = 24 * 3_600_000
/** What another tab has kept for longer is sent by this one, too: it may be gone. */
const LEFT_MS = 15_000
/** Who is to wait for longer is told: he may wish otherwise. */
const LONGEST_SEC = 60

const KEY = 'outbox'
const PATH = '/v1/up/msg'
type Kept = OutboxItem & { tab: string }
interface Waiting { promise: Promise<Ack>, resolve (ack: Ack): void, reject (error: IrisError): void }

interface Parts {
  tab: string
  /** It is stored: the message as far as it is known here. */
  stored (message: Omit<OutboxItem, 'at' | 'attempts' | 'to'> & Ack): void
}

/** Makes the outbox of a tab. One message after the other, in the order in which they were written. */
export function createOutbox ({ calls, emit }: Base, { tab, stored }: Parts) {
  let items: Kept[] = []
  const promises = new Map<string, Waiting>()
  let store: Store | undefined
  let isAlone = false
  let isClosed = false
  /** Settled, and still kept. */
  const gone = new Set<string>()
  let saving = Promise.resolve()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isBusy = false
  let failures = 0

  const has = (id: string) => items.find(({ clientMsgId }) => clientMsgId === id)

  /** What is kept and not here. @param use is done before anything else is written */
  const others = (use: (kept: Kept[]) => unknown): Promise<void> => (saving = saving.then(async () => {
    const kept = await store?.list<Kept>(KEY) ?? []
    await use(kept.filter(({ clientMsgId }) => clientMsgId && !gone.has(clientMsgId) && !has(clientMsgId)))
  }))

  const save = () => others(async kept => {
    const written = [...gone]
    await store?.set(KEY, [...kept, ...items])
    for (const id of written) gone.delete(id)
  })

  function send (to: string, body: MessageBody): Promise<Ack> {
    let item: Kept
    try {
      // as it is now, and as it can be kept
      item = JSON.parse(JSON.stringify({
        clientMsgId: newId(),
        ...(to.includes('.') ? { conversationId: to } : { to }),
        ...(typeof body === 'string' ? { type: 'text', content: { text: body } } : body),
        at: Date.now(),
        attempts: 0,
        tab
      })) as Kept
    } catch (cause) {
      return Promise.reject(new IrisError('BAD_OPTION', String(cause)))
    }
    const known = promises.get(item.clientMsgId)
    if (known) return known.promise
    const waiting = {} as Waiting
    const promise = waiting.promise = new Promise<Ack>((...settle) => { [waiting.resolve, waiting.reject] = settle })
    promises.set(item.clientMsgId, waiting)
    promise.catch(() => undefined) // who does not wait for it hears of it by the event
    items.push(item)
    if (isClosed) fail(item, closed)
    else if (items.length > LIMIT) fail(item, new IrisError('OUTBOX_FULL', `${LIMIT} messages wait`))
    else {
      emit('outbox', { item, state: 'sending' })
      void save().then(flush)
    }
    return promise
  }

  const next = () => !isClosed && store && items[0]

  async function flush (): Promise<void> {
    if (isBusy) return
    isBusy = true
    clearTimeout(timer)
    let pauseSec = 0
    for (let item; !pauseSec && (item = next());) pauseSec = await deliver(item)
    isBusy = false
    if (pauseSec < Infinity && pauseSec) timer = setTimeout(() => void flush(), 1000 * pauseSec)
  }

  /** @returns 0: on with the next one; else when to try again, s: Infinity for when somebody says so. */
  async function deliver (item: Kept): Promise<number> {
    const { tab, at, attempts, ...body } = item
    // by the clock that wrote it: however wrong it is, its own differences are right
    if (Date.now() - at > LIFE_MS) return fail(item, expired)
    if (item.attempts++) emit('outbox', { item, state: 'sending' })
    try {
      if (!settle(await calls.once<Ack>(PATH, body)) && has(item.clientMsgId)) throw notIris({ status: 200, url: PATH })
      failures = 0
      return 0
    } catch (cause) {
      const error = errorOf(cause)
      const { status, code, retryable, retryAfter = 0 } = error
      // it is the user who is refused, not what he says; what something else refuses has not been tried
      const isHis = status === 401 || code === 'SIGNED_OUT'
      const isFinal = !retryable && !isHis && code !== 'NOT_IRIS'
      if (!has(item.clientMsgId)) return 0 // settled by the stream meanwhile
      if (retryAfter > LONGEST_SEC || isFinal) return fail(item, error)
      emit('outbox', { item, state: 'waiting', error })
      if (isHis) return Infinity
      // no answer: nobody knows whether it is stored, so the first retry goes at once
      return failures++ === 0 && !status ? 0 : retryAfter + pauseOf(failures) / 1000
    }
  }

  function fail (item: Kept, error: IrisError): 0 {
    take(item)?.reject(error)
    emit('outbox', { item, state: 'failed', error })
    return 0
  }

  function take (item: Kept) {
    items = items.filter(other => other !== item)
    gone.add(item.clientMsgId)
    void save()
    const promise = promises.get(item.clientMsgId)
    promises.delete(item.clientMsgId)
    return promise
  }

  /** The answer, ACK_DOWN and the message itself say the same: the first one settles it. [DOWN-1] @returns whether it was here */
  function settle (ack: Ack): boolean {
    const item = has(ack.clientMsgId)
    if (!item) return false
    take(item)?.resolve(ack)
    emit('outbox', { item, state: 'stored', ack })
    const { tab, at, attempts, to, ...message } = item
    stored({ ...message, ...ack })
    return true
  }

  /** Sends what waits, and what was kept: by this tab before a reload, or by one that is gone. */
  async function look (): Promise<void> {
    await others(kept => {
      const left = kept.filter(item => isAlone || item.tab === tab || Date.now() - item.at > LEFT_MS)
      items = [...left, ...items]
      for (const item of left) emit('outbox', { item, state: 'waiting' })
    })
    await flush()
  }

  /** @param alone nobody else sends what is kept here */
  function open (opened: Store, alone: boolean): void {
    store = opened
    isAlone = alone
    void save()
    void look()
  }

  function close (): void {
    clearTimeout(timer)
    isClosed = true
    void save().then(() => { store = undefined }) // another one may send what is kept
    for (const { reject } of promises.values()) reject(closed)
  }

  function hurry (): void {
    failures = 0
    void look()
  }

  return { send, settle, open, close, hurry, look, get items () { return items } }
}
export type Outbox = ReturnType<typeof createOutbox>

const closed = new IrisError('CLOSED', 'close() was called: what was kept is sent by the next connect()')
const expired = new IrisError('OUTBOX_EXPIRED', 'Unanswered for a day: look in the conversation, or write it anew')
