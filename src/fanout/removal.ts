// Deletes users: first nobody is let in as him, then he leaves, step by step, and what is left of him goes at last. [USER-1] to [USER-4]
import { setTimeout as delay } from 'node:timers/promises'
import { SYSTEM_USER } from '../protocol/ids.js'
import { Problem } from '../protocol/problem.js'
import type { createBlocks } from '../store/access/blocks.js'
import type { Kicks } from '../store/access/kicks.js'
import type { createConversations } from '../store/conversation/conversation.js'
import { leftMs } from '../store/deadline.js'
import { inParts, inSteps } from '../store/redis/steps.js'
import type { Removal } from '../store/user/removal.js'
import { commandDraft } from '../stream/say.js'
import type { Deliver } from './deliver.js'
import type { Kicker } from './kick.js'

/** A step begins while a request has so long for it and for its answer, ms. */
const SPARE_MS = 800
/** So many conversations, or blocks, are looked for at once. */
const AT_ONCE = 25
/** So many messages are looked through in one step. */
const LOOKED = 1_000
/** So many are revoked in one: each may have a whole group to tell. */
const REVOKED = 5
/** By then all nodes have asked who may see that he went, and told them; when he has left nobody may any more. [SEE-4] */
const TOLD_MS = 250

/** What a call has removed, by kinds; `groups`: those that he was in, or had been in. */
export interface Removed {
  groups: number
  directs: number
  revoked: number
  blocked: number
  terminals: number
  tickets: number
  commands: number
  notices: number
}

interface Floor {
  kicker: Pick<Kicker, 'shutOut'>
  kicks: Pick<Kicks, 'welcomeFrom'>
  removal: Removal
  blocks: Pick<ReturnType<typeof createBlocks>, 'unblock'>
  conversations: Pick<ReturnType<typeof createConversations>, 'view'>
  deliver: Pick<Deliver, 'revocation'>
  now (): number
}

/** Whether his messages are revoked; the conversations that are counted: who writes to him meanwhile brings one back. */
interface Removing { userId: string, revokes: boolean, traceId: string, removed: Removed, counted: Set<string> }

const isTimeLeft = () => leftMs() > SPARE_MS

/** Makes what deletes users. */
export function createRemover ({ kicker, kicks, removal, blocks, conversations, deliver, now }: Floor) {
  /** @returns which messages of a conversation are there, undefined when it is gone. */
  async function spanOf (id: string): Promise<{ minSeq: number, headSeq: number } | undefined> {
    return await conversations.view(id).catch((error: unknown) => {
      if (error instanceof Problem && error.code === 'CONVERSATION_NOT_FOUND') return undefined
      throw error
    })
  }

  async function revoke (conversationId: string, seq: number, { removed, traceId }: Removing): Promise<void> {
    try {
      const draft = commandDraft('REVOKE', { now: now(), traceId })
      const { alreadyRevoked } =
        await deliver.revocation({ conversationId, by: SYSTEM_USER, server: true, seq, reason: '', windowSec: 0, draft })
      if (!alreadyRevoked) removed.revoked++
    } catch (error) {
      // it has had its time, or cannot be read: nobody sees it any more
      if (!(error instanceof Problem && error.code === 'MESSAGE_NOT_FOUND')) throw error
    }
  }

  /** @returns whether nothing that he wrote in a conversation is left. */
  async function revokeAll (id: string, removing: Removing): Promise<boolean> {
    const { minSeq = 1, headSeq = 0 } = await spanOf(id) ?? {}
    for (let from = minSeq; from <= headSeq; from += LOOKED) {
      if (!isTimeLeft()) return false
      const seqs = await removal.written(removing.userId, id, { from, to: Math.min(from + LOOKED - 1, headSeq) })
      for (const some of inParts(seqs, REVOKED)) {
        if (!isTimeLeft()) return false
        await inSteps(some, async seq => await revoke(id, seq, removing))
      }
    }
    return true
  }

  /** @returns whether he may go on: there was time, and nobody else has ended the deletion. */
  async function leave (id: string, removing: Removing): Promise<boolean> {
    if (!isTimeLeft() || (removing.revokes && !await revokeAll(id, removing))) return false
    const was = await removal.leave(removing.userId, id, removing.traceId)
    if (was === 'over') return false
    if (was !== 'none' && !removing.counted.has(id)) removing.removed[was === 'direct' ? 'directs' : 'groups']++
    removing.counted.add(id)
    return true
  }

  /** @returns whether he is in no conversation any more. */
  async function leaveAll (removing: Removing): Promise<boolean> {
    for (let some = await removal.someOf(removing.userId, AT_ONCE); some.length > 0;
      some = await removal.someOf(removing.userId, AT_ONCE)) {
      for (const id of some) if (!await leave(id, removing)) return false
    }
    return true
  }

  /** @returns whether he blocks nobody any more. */
  async function unblockAll ({ userId, removed }: Removing): Promise<boolean> {
    while (isTimeLeft()) {
      const some = await removal.someBlocked(userId, AT_ONCE)
      if (some.length === 0) return true
      const ended = await inSteps(some, async other => await blocks.unblock(userId, other))
      removed.blocked += ended.filter(Boolean).length
    }
    return false
  }

  /** Somebody may write to him meanwhile: then he leaves that, too. @returns whether nothing is left of him. */
  async function removeAll (removing: Removing): Promise<boolean> {
    while (await leaveAll(removing) && await unblockAll(removing) && isTimeLeft()) {
      const { outcome, ...gone } = await removal.forget(removing.userId)
      Object.assign(removing.removed, gone)
      if (outcome !== 'more') return outcome === 'done'
    }
    return false
  }

  /**
   * Deletes a user, as far as there is time: who is told `done: false` asks again. From its first step on nobody is let in as him.
   * @returns what this call has removed, and from when on tokens of that id are welcome (when it is done), ms.
   */
  return async function remove (userId: string, { revokes, traceId }: Pick<Removing, 'revokes' | 'traceId'>) {
    await kicker.shutOut(userId, traceId)
    if (await removal.part(userId)) await delay(TOLD_MS)
    const removed = { groups: 0, directs: 0, revoked: 0, blocked: 0, terminals: 0, tickets: 0, commands: 0, notices: 0 }
    const done = await removeAll({ userId, revokes, traceId, removed, counted: new Set() })
    return { done, removed, welcomeFrom: await kicks.welcomeFrom(userId) }
  }
}

export type Remove = ReturnType<typeof createRemover>
