// What a tab does with what comes down, whoever of the tabs has heard it: each thing once, as an event of its kind.
import type { Base } from '../base/base.js'
import { wait } from '../base/platform.js'
import type { Known, Told } from '../base/shapes.js'
import type { Events } from '../base/types.js'
import type { Ack, Command, Message, Notice } from '../base/wire.js'
import type { Outbox } from './outbox.js'

/** So many messages are recognised when they come again: more than an attach brings without ids. */
const TOLD = 2000
const HEADS = 1000
const PENDING = 1000
/** So much later than ACK_DOWN the tab that has sent may say what. */
const GRACE_MS = 1000

type Pending = Command | Notice
export interface Range { conversationId: string, fromSeq: number, toSeq: number }

interface Parts {
  outbox: Outbox
  /** Messages are missing: the tab that is connected fetches them. [MSG-5] */
  onHole (range: Range): void
  /** What is remembered is void: fetched is what was opened. [ATTACH-1] */
  onReset (): void
  onAuth (data: { expiresInSec: number }): void
  onReady (): void
  onPending (pending: Pending[]): void
  /** What tabs say to each other, by its name. */
  words: Record<string, (data: never) => void>
}

/** @returns whether an id comes after another one; of another life of the stream it does. */
function isAfter (id: string, before?: string): boolean {
  const [[epoch, n], [last, m]] = [id.split('-'), (before ?? '').split('-')]
  return epoch !== last || Number(n) > Number(m)
}

/** Forgets what came first. */
function bound (all: Map<string, unknown> | Set<string>, limit: number): void {
  for (const key of all.keys()) {
    if (all.size <= limit) return
    all.delete(key)
  }
}

/** Makes the receiver of a tab: `receive(frame)`, and what it remembers. */
export function createReceiver (base: Base, { outbox, onHole, onReset, onAuth, onReady, onPending, words }: Parts) {
  const { emit, clock, me, ended } = base
  const told = new Set<string>()
  const recalls = new Map<string, Message['revoked']>()
  const heads = new Map<string, number>()
  const pending = new Map<string, Pending>()
  let cursor: string | undefined

  /** Among the entries of a stream the messages of a conversation rise without a gap, but for those that are gone. [DOWN-4] */
  function follow ({ conversationId, seq }: { conversationId: string, seq: number }, id?: string): void {
    if (!id) return
    const head = heads.get(conversationId)
    heads.delete(conversationId)
    bound(heads.set(conversationId, seq), HEADS)
    if (head !== undefined && seq > head + 1) onHole({ conversationId, fromSeq: head + 1, toSeq: seq - 1 })
  }

  /** What was asked for before a recall may come after it: with its text. */
  function asKnown<M extends Message> (message: M): M {
    const revoked = recalls.get(message.msgId)
    if (!revoked || message.type === 'revoked') return message
    const { content, ext, mentions, quote, ...rest } = message
    return { ...rest, type: 'revoked', revoked } as unknown as M
  }

  const keep = () => onPending([...pending.values()])

  function pend (item: Pending): void {
    const { cmdId, noticeId, op } = item as { cmdId?: string, noticeId?: string, op: string }
    const id = (cmdId ?? noticeId) as string
    if (op !== 'do' && op !== 'show') {
      if (pending.delete(id) || op === 'cancel') emit('completed', { [cmdId ? 'cmdId' : 'noticeId']: id, op })
      keep()
    } else if (!pending.has(id)) {
      if (item.needComplete) {
        bound(pending.set(id, item), PENDING)
        keep()
      }
      emit(cmdId ? 'command' : 'notice', item as never)
    }
  }

  function drop (isOver: (item: Pending) => boolean): void {
    for (const [id, item] of pending) if (isOver(item)) pending.delete(id)
    keep()
  }

  function reset (data: Events['reset']): void {
    told.clear()
    heads.clear()
    cursor = undefined
    emit('reset', data)
    onReset()
  }

  /** The gateway's own commands; a word is the event that it is here. */
  const own: Record<string, keyof Events | ((data: never) => void)> = {
    READ: 'read',
    REVOKE (data: Events['revoke']) {
      const { msgId, by, revokedAt: at, reason } = data
      bound(recalls.set(msgId, { by, at, ...(reason !== undefined && { reason }) }), TOLD)
      emit('revoke', data)
    },
    REST_READ_NUM_AND_LAST_MSG: 'marker',
    PRESENCE: 'presence',
    'IRIS.AUTH': onAuth,
    'IRIS.BYE' () {},
    'IRIS.HELLO' ({ serverTime, recovered }: { serverTime?: number, recovered?: boolean }) {
      clock.heard(serverTime)
      if (!recovered) drop(() => true) // it comes again
    },
    'IRIS.RESET': reset,
    'IRIS.READY' () {
      drop(({ expiresAt = Infinity }) => expiresAt <= clock.serverMs()) // nobody says so
      onReady()
    }
  }

  const events: Record<string, (data: never, id?: string) => void> = {
    MSG_DOWN (message: Events['message'], id) {
      // ids are the sender's: another's may be the same
      if (message.from === me.userId) outbox.settle({ duplicate: false, ...message })
      follow(message, id)
      if (told.has(message.msgId)) return
      bound(told.add(message.msgId), TOLD)
      emit('message', asKnown(message))
    },
    /** What this terminal has sent: from another tab, or before a reload, if it is not in the outbox. */
    ACK_DOWN (ack: Ack, id) {
      const { conversationId, seq, msgId } = ack
      follow(ack, id)
      if (outbox.settle(ack)) return
      void wait(GRACE_MS, ended).then(() => {
        if (!ended.aborted && !told.has(msgId)) onHole({ conversationId, fromSeq: seq, toSeq: seq })
      })
    },
    NOTICE_DOWN: pend,
    CMD_DOWN (command: Command) {
      const { name, op, data } = command
      const handle = op === 'do' && Object.hasOwn(own, name) && own[name]
      // a later gateway may say more of itself
      if (!handle) name?.startsWith('IRIS.') || pend(command)
      else if (typeof handle === 'string') emit(handle, data as never)
      else handle(data as never)
    },
    ...words
  }

  function receive ({ isDown, ...frame }: Told): void {
    const { event, id, data } = frame
    // READY's id is the position reached: of a stream that is resumed that may be the cursor
    if (id && !isAfter(id, cursor) && data?.['name'] !== 'IRIS.READY') return
    if (isDown) emit('frame', frame)
    if (event) events[event]?.(data as never, id)
    if (id) cursor = id // last: what breaks before this line comes again
  }

  /** What was kept, or what another tab knows: it is new to this one. */
  function goOn (known: Known): void {
    cursor = known.cursor
    known.pending?.forEach(pend)
  }

  /** What the tab that leads knows: to one that has been frozen for too long what was said meanwhile is lost. */
  function catchUp (known: Known): void {
    if (cursor && known.cursor && isAfter(known.cursor, cursor)) reset({ reason: 'missed', conversations: [] })
    goOn({ ...known, cursor: cursor ?? known.cursor })
  }

  return { receive, asKnown, goOn, catchUp, cursor: () => cursor, pending: () => [...pending.values()] }
}
export type Receiver = ReturnType<typeof createReceiver>
