// Conversations: their log, members, and the scripts that change them. Sections 5 and 6.
import { Problem } from '../../protocol/problem.js'
import { keys } from '../keys.js'
import { downArgs, downValues, numberAt, readHere, type StoreContext } from '../life/context.js'
import { isKind, isWhole, whole } from '../redis/readable.js'
import { defineScript } from '../script/scripts.js'
import { ageFacts, createAging } from './aging.js'
import type { Role } from './groups.js'
import { messageIn } from './record.js'

const revokeMessage = defineScript('revoke-message', {
  full: 'done',
  preludes: ['life', 'down', 'event', 'member', 'hint', 'deliver', 'log', 'revoked', 'direct', 'index', 'leaving'],
  keys: ['conversation', 'members', 'log'],
  args: [...downArgs, 'id', 'by', 'server', 'seq', 'reason', 'windowSec', 'draft', 'logMs']
})

/** What a revocation needs. `windowSec` binds only a sender who is no admin. */
export interface Revocation {
  conversationId: string
  by: string
  server: boolean
  seq: number
  reason: string
  windowSec: number
  draft: string
}

/**
 * A caller's view of a conversation: `minSeq` and `headSeq` are what he may see (joining, leaving, retention). A member has a role; one who
 * has left has `leftAt` (ms) instead, and learns nothing of what is now; the application has neither. `closedAt`: ms, 0 while it is open.
 */
export interface View {
  conversationId: string
  kind: 'dm' | 'group'
  title: string
  epoch: string
  joinedSeq: number
  minSeq: number
  headSeq: number
  closedAt: number
  role?: Role
  leftAt?: number
}

/** The first seq that somebody may see; his role, or the last one, and when he left. */
interface Row { first: number, role?: Role, last?: number, leftAt?: number }
const ALL: Row = { first: 1 }

/** Makes the conversations of a store. */
export function createConversations (store: StoreContext) {
  const { redis, limits } = store
  const aging = createAging(store)

  /** @returns the first seq that the log still has when what has had its time is gone. */
  async function settled (id: string): Promise<string | null> {
    await aging.settle(id)
    return await redis.hget(keys.conversation(id), 'firstSeq')
  }

  /** @returns what a member, or somebody who left, may see; undefined of one who never was in it, or of whom nothing can be read. */
  async function rowOf (id: string, userId: string): Promise<Row | undefined> {
    const [member, left] = await Promise.all([redis.hget(keys.members(id), userId), redis.hget(keys.left(id), userId)])
    const [role, joined] = member?.split(' ') ?? []
    if (isWhole(joined)) return { first: whole(joined), role: role as Role }
    const [first, last, leftAt] = member ? [] : left?.split(' ') ?? []
    if (isWhole(first) && isWhole(last)) return { first: whole(first), last: whole(last), leftAt: whole(leftAt) }
    if (member ?? left) store.onUnreadable?.(`CONVERSATION:${id}:${member ? 'MEMBERS' : 'LEFT'} ${userId}`)
    return undefined
  }

  return {
    /** Replaces a message by its tombstone. [REVOKE-1] [REVOKE-2] `event` is the CMD_DOWN's body, `tombstone` the message's. */
    async revoke (revocation: Revocation) {
      const { conversationId: id, by, server, seq, reason, windowSec, draft } = revocation
      const [, revokedAt, already, here, event, tombstone] = await revokeMessage(redis, {
        conversation: keys.conversation(id), members: keys.members(id), log: keys.log(id)
      }, { ...downValues(store), id, by, server: Number(server), seq, reason, windowSec, draft, logMs: limits.logSec * 1000 })
      return {
        revokedAt: Number(revokedAt),
        alreadyRevoked: already === 1,
        here: readHere(store, here),
        event: String(event),
        tombstone: String(tombstone)
      }
    },

    /**
     * @param userId nobody: of the application, which sees whatever is kept.
     * @returns what a user may see of a conversation; throws CONVERSATION_NOT_FOUND when he never was in it.
     */
    async view (conversationId: string, userId?: string): Promise<View> {
      const [facts, row] = await Promise.all([
        redis.hmget(keys.conversation(conversationId), 'kind', 'title', 'epoch', 'headSeq', 'closedAt', 'firstSeq', ...ageFacts),
        userId === undefined ? ALL : rowOf(conversationId, userId),
        redis.get(keys.mark).then(mark => store.life.saw(mark))
      ])
      const [kind, title, epoch, head, closedAt, kept, ...ages] = facts
      if (kind && !isKind(kind)) store.onUnreadable?.(`CONVERSATION:${conversationId}`)
      if (!isKind(kind) || !row) throw new Problem('CONVERSATION_NOT_FOUND')
      const top = numberAt(store, head, `CONVERSATION:${conversationId} headSeq`)
      const firstSeq = aging.isDue(ages) ? await settled(conversationId) : kept
      return {
        conversationId,
        kind,
        title: title ?? '',
        epoch: store.life.epochOf(epoch ?? ''),
        joinedSeq: row.first,
        headSeq: row.last ?? top,
        minSeq: Math.max(row.first, whole(firstSeq), top - limits.logMessages + 1, 1),
        closedAt: whole(closedAt),
        ...(row.role && { role: row.role }),
        ...(row.last !== undefined && { leftAt: row.leftAt ?? 0 })
      }
    },

    /**
     * To be asked by `fresh`.
     * @returns the messages of these seqs that the log still has and that can be read, as JSON, rising; tombstones included. [GET-3]
     */
    async bodies (conversationId: string, seqs: number[]): Promise<(string | null)[]> {
      if (seqs.length === 0) return []
      const place = `LOG:${conversationId}`
      const found = await redis.hmget(keys.log(conversationId), ...seqs.map(String))
      return found.map((record, i) => {
        const body = record === null ? null : messageIn(record, { conversationId, seq: seqs[i] ?? 0 })
        if (record !== null && body === null) store.onUnreadable?.(`${place} ${seqs[i]}`)
        return body
      })
    },

    /** @returns the ids of the members, undefined when there is no such conversation. */
    async memberIds (conversationId: string): Promise<string[] | undefined> {
      const [there, members] = await Promise.all([
        redis.exists(keys.conversation(conversationId)), redis.hkeys(keys.members(conversationId))
      ])
      return there ? members : undefined
    }
  }
}
