// What must not be printed any more although a copy of it may still be on its way through this process. [DOWN-2] [COMPLETE-4]
import { setImmediate as turn } from 'node:timers/promises'
import type { Message } from '../protocol/message.js'
import { parsed } from '../store/redis/readable.js'
import { msgIdOf, type Reference } from '../store/user/entry.js'

/** Longer than any copy lives here: a tail's, or a read that is under way. */
const KEEP_MS = 300_000
/** The latest so many are remembered, about 100 MB: by then the copies of older ones have left, however much is completed. */
const MAX = 500_000

/** A revocation: the tombstone's JSON, where it is known here; else what another node has said of it. */
type Revoked = { tombstone: string } | { msgId: string, by: string, at: number }

/** What is looked at of an event that another node has written. */
interface Said {
  name?: string
  op?: string
  cmdId?: string
  noticeId?: string
  data?: { conversationId: string, seq: number, msgId: string, by: string, revokedAt: number }
}

interface Facts {
  /** So many are remembered at most. */
  max?: number
  /** A clock that never jumps, ms. */
  ticks? (): number
  /** Something is: what was printed before, and waits to be written, must leave before that is answered. */
  onRecall? (): void
}

/**
 * Makes the memory of recalled things. A body that was read from Redis, or lies in a tail, before a REVOKE or a completion
 * was answered is printed after it: the printer asks here first. Without it, recalled text would be sent after the answer.
 */
export function createRecalled ({ max = MAX, ticks = () => performance.now(), onRecall }: Facts = {}) {
  /** The oldest first. */
  const all = new Map<string, { since: number, revoked?: Revoked }>()
  /** What was looked for last, as long as nothing changes. */
  let asked: { conversationId: string, seq: number, revoked: Revoked | undefined } | undefined

  function add (key: string, revoked?: Revoked): void {
    asked = undefined
    all.delete(key)
    all.set(key, { since: ticks(), ...(revoked && { revoked }) })
    onRecall?.()
    prune()
  }

  function prune (): void {
    for (const [key, { since }] of all) {
      if (all.size <= max && ticks() - since < KEEP_MS) return
      asked = undefined
      all.delete(key)
    }
  }

  function revokedAt (conversationId: string, seq: number): Revoked | undefined {
    if (all.size === 0) return undefined
    // every reader of a group asks for the same message
    if (asked?.seq !== seq || asked.conversationId !== conversationId) {
      asked = { conversationId, seq, revoked: all.get(`${conversationId}:${seq}`)?.revoked }
    }
    return asked.revoked
  }

  /** A message is revoked. */
  function message (conversationId: string, seq: number, revoked: Revoked): void {
    const known = revokedAt(conversationId, seq)
    if (!known || !('tombstone' in known)) add(`${conversationId}:${seq}`, revoked)
  }

  /** A user's item left its box; of one that each terminal completes for itself the share of this terminal. */
  const item = (userId: string, id: string, terminalId?: string) =>
    add(terminalId === undefined ? `${userId} ${id}` : `${userId} ${id} ${terminalId}`)

  /**
   * @param body a message's JSON as it was read; undefined: it was not there.
   * @returns what is true of it now: the tombstone of one that was revoked meanwhile.
   */
  function current (conversationId: string, seq: number, body: string | undefined): string | undefined {
    const revoked = revokedAt(conversationId, seq)
    if (!revoked) return body
    // a direct conversation that was forgotten and taken up again has another message under that number
    if ('tombstone' in revoked) return body === undefined || msgIdOf(body) === msgIdOf(revoked.tombstone) ? revoked.tombstone : body
    return body !== undefined && msgIdOf(body) === revoked.msgId ? buried(body, revoked) : body
  }

  return {
    message,
    item,
    current,
    /**
     * From the look at a text to its connection there are promises only, and more of them than to the answer of who recalls it.
     * @returns `answer`, when what was looked at before has left.
     */
    async settled<T> (answer: T): Promise<T> {
      await turn()
      onRecall?.()
      return answer
    },
    /** Whether anything was recalled lately. */
    get isAny () {
      prune()
      return all.size > 0
    },
    /** Another life of the store has begun: what of it was lost is not recalled any more, the rest is where it is read. [STORE-1] */
    forgetAll (): void {
      asked = undefined
      all.clear()
    },

    /** @returns a message as it is now. */
    shown (read: Message): Message {
      const { conversationId, seq } = read
      return revokedAt(conversationId, seq) ? JSON.parse(current(conversationId, seq, JSON.stringify(read)) as string) as Message : read
    },
    /** A user was deleted: who comes by his id is another, and has completed nothing. [USER-2] */
    user: (userId: string): void => add(userId),

    /** @returns whether an item left its user's box lately, or this terminal of his has completed its share. */
    isGone ({ userId, terminalId }: { userId: string, terminalId: string }, id: string): boolean {
      const since = all.get(`${userId} ${id}`)?.since ?? all.get(`${userId} ${id} ${terminalId}`)?.since
      return since !== undefined && since >= (all.get(userId)?.since ?? -Infinity)
    },

    /**
     * An entry of a user's was heard or read: what it recalls was recalled by another node, if not by this one.
     * @returns whether it recalls a text.
     */
    learn (userId: string, reference: Reference, body: string): boolean {
      if (reference.kind !== 'event') return false
      const { box } = reference
      if (box === undefined && !body.includes('"name":"REVOKE"')) return false
      const { name, op, cmdId, noticeId, data } = parsed<Said>(body) ?? {}
      if (box !== undefined && (op === 'complete' || op === 'cancel')) item(userId, cmdId ?? noticeId ?? '')
      if (box !== undefined || name !== 'REVOKE' || !data) return false
      message(data.conversationId, data.seq, { msgId: data.msgId, by: data.by, at: data.revokedAt })
      return true
    }
  }
}

export type Recalled = ReturnType<typeof createRecalled>

/** @returns the tombstone of a message, as far as it is known; one that is a tombstone already stays. */
function buried (body: string, { by, at }: { by: string, at: number }): string {
  const { conversationId, seq, msgId, ts, from, clientMsgId, type, traceId } = JSON.parse(body) as Message
  return type === 'revoked'
    ? body
    : JSON.stringify({ conversationId, seq, msgId, ts, from, clientMsgId, type: 'revoked', traceId, revoked: { by, at } })
}
