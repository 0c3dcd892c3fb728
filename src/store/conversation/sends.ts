// Sends: all of one turn of the event loop are decided in one script, admission inside. Sections 5 and 6. [MSG-1] to [MSG-5]
import type { DirectPolicy } from '../../protocol/direct.js'
import type { Door } from '../../protocol/operation.js'
import { type Admission, readVerdict } from '../access/admission.js'
import { tokenArgs } from '../access/kicks.js'
import { leftMs } from '../deadline.js'
import { partition } from '../keys.js'
import { downArgs, downValues, type Here, readHere, type StoreContext } from '../life/context.js'
import { createRecent } from '../recent.js'
import { isFull } from '../redis/full.js'
import { writeNow } from '../redis/redis.js'
import { reasons } from '../redis/redis-errors.js'
import { unavailable } from '../redis/unavailable.js'
import { decided, defineScript, noted, type Reply } from '../script/scripts.js'
import { createTurns } from '../script/turns.js'
import { memoArgs, memoOf } from './memo.js'
import { bodyOf, type Draft, tailOf } from './record.js'

const appendMessage = defineScript('append-message', {
  full: 'refused',
  preludes: [
    'life', 'down', 'event', 'member', 'hint', 'deliver', 'direct', 'opening', 'index', 'leaving', 'memo', 'log', 'offline', 'serve',
    'sent', 'append', 'each', 'kick', 'rate', 'admission'
  ],
  keys: [],
  args: [...downArgs, 'dedupeMs', 'logMessages', 'logMs', 'emissionUs', 'burst', 'newDirect', 'direct']
})

/** What append.lua says of a send that was not refused. */
const [STORED, DUPLICATE] = [0, 1]
/** A call holds sends to so many members: Redis serves nobody else meanwhile. */
const MEMBERS_AT_ONCE = 16
/** So many conversations are remembered by how many are in them; of others it is not known. */
const CONVERSATIONS = 10_000

/**
 * A send, ready to be decided. `create`: the two users of a new direct conversation, the one who opens it first;
 * `terminalId` is empty for the server API, which has no door: it may write everywhere, and opens any number. [DIRECT-3]
 */
export interface Send {
  conversationId: string
  terminalId: string
  fingerprint: string
  draft: Draft
  nonce: string
  quoteSeq: number
  silent: boolean
  create?: [string, string]
  /** It is only asked what would come of it. */
  isTrial?: true
}

/** How a send was decided. `body`: the message as the log keeps it; `opened`: it is the first of a direct conversation. */
export interface Sent {
  duplicate: boolean
  opened: boolean
  seq: number
  msgId: string
  ts: number
  epoch: string
  body: string
  here: Here
}

/** Makes the sends of a store. */
export function createSends (store: StoreContext, admission: Admission, direct: DirectPolicy = 'open') {
  const { redis, limits } = store
  const sizes = createRecent<number>(CONVERSATIONS)

  const ask = createTurns<{ send: Send, door: Door | undefined }, Reply>({
    most: MEMBERS_AT_ONCE,
    onFull: () => writeNow(redis),
    weigh: ({ send: { create, conversationId } }) => create ? 2 : sizes.get(conversationId) ?? MEMBERS_AT_ONCE,
    async run (items) {
      const [, ...replies] = await appendMessage(redis, {}, {
        ...downValues(store),
        dedupeMs: limits.dedupeSec * 1000,
        logMessages: limits.logMessages,
        logMs: limits.logSec * 1000,
        emissionUs: 1_000_000 / limits.upRate,
        burst: limits.upBurst,
        newDirect: limits.newDirect,
        direct
      }, items.flatMap(({ send, door }) => [...valuesOf(send), ...doorValues(send, door)]))
      return replies as Reply[]
    }
  })

  /** @returns a send in the order of append-message.lua. */
  function valuesOf (send: Send): (string | number)[] {
    const { conversationId: id, terminalId, draft, nonce, quoteSeq, silent, create, isTrial } = send
    const { field, fingerprint } = memoArgs(memoed(send))
    return [
      partition(id), id, draft.from, terminalId, field, fingerprint, isTrial ? '' : tailOf(draft), nonce, quoteSeq, Number(silent),
      create?.map(user => `${user}/${partition(user)}`).join(' ') ?? ''
    ]
  }

  async function decide (send: Send, door: Door | undefined): Promise<Reply> {
    if (leftMs() <= 0) throw unavailable(reasons.late.told, 'unasked')
    return await noted(ask({ send, door }))
  }

  async function askedAt (send: Send, door: Door | undefined): Promise<Reply> {
    if (!door) return decided(await decide(send, door))[4] as Reply
    const [decision] = await admission.through(door, async () => {
      const reply = decided(await decide(send, door))
      return [readVerdict(reply), reply[4] as Reply]
    })
    return decision
  }

  /** @returns how it was decided, as append.lua says it. */
  const decisionOf = async (send: Send, door: Door | undefined): Promise<Reply> =>
    decided(await askedAt(send, door).catch((error: unknown) => sentBefore(send, door, error)))

  /** A full store takes nothing new, but who sends again what is stored has his answer. [STORE-2] [MSG-2] */
  async function sentBefore (send: Send, door: Door | undefined, error: unknown): Promise<Reply> {
    if (!isFull(error)) throw error
    if (door) await admission.through(door, async () => [await admission.ask(door)])
    const before = await memoOf(store, memoed(send))
    if (!before) throw error
    return before
  }

  return {
    /**
     * Admits a send, and stores nothing. @returns whether it is stored already: then `append` would say so.
     * Throws what `append` would throw. [HOOK-3]
     */
    async isStored (send: Send, door: Door): Promise<boolean> {
      const [status] = await decisionOf({ ...send, isTrial: true }, door)
      return status === DUPLICATE
    },

    /**
     * Decides a send: stored once, sequenced, in every member's stream. [MSG-1] Throws CONVERSATION_NOT_FOUND, CONVERSATION_CLOSED,
     * CLIENT_MSG_ID_CONFLICT, MESSAGE_NOT_FOUND (the quote), BLOCKED, MUTED, DIRECT_NOT_ALLOWED,
     * RATE_LIMITED (too many direct conversations opened), and what admission throws.
     */
    async append (send: Send, door?: Door): Promise<Sent> {
      const { conversationId: id, draft } = send
      const [status, seq, msgId, ts, epoch, here, opened, size] = await decisionOf(send, door)
      if (status === STORED && !send.create) sizes.set(id, Number(size))
      const place = { conversationId: id, seq: Number(seq), msgId: String(msgId), ts: Number(ts) }
      return {
        ...place,
        duplicate: status === DUPLICATE,
        opened: opened === 1,
        epoch: String(epoch),
        body: bodyOf(place, draft),
        here: readHere(store, here)
      }
    }
  }
}

/** @returns what a memo is known by. */
const memoed = ({ conversationId, fingerprint, draft: { from, clientMsgId } }: Send) => ({ conversationId, from, clientMsgId, fingerprint })

/** @returns the rest of a send: who must be admitted first, and what it weighs. */
function doorValues ({ draft: { from } }: Send, door: Door | undefined): (string | number)[] {
  if (!door) return ['', 0, 0, 0, 0]
  const { caller, weight: { units, members } } = door
  const { issuedAt, expiresAt } = tokenArgs(caller)
  return [partition(from), issuedAt, expiresAt, units, members?.per ?? 0]
}
