// Looks again in the store at what a poll has collected, where it is not known what other nodes have recalled since. [DOWN-2]
import type { Message } from '../protocol/message.js'
import type { createConversations } from '../store/conversation/conversation.js'
import type { Fresh } from '../store/life/fresh.js'
import { parsed } from '../store/redis/readable.js'
import type { createBoxes } from '../store/user/boxes.js'
import type { Recalled } from './recalled.js'
import type { Frame, Sent, Viewer } from './render.js'

interface Floor {
  conversations: Pick<ReturnType<typeof createConversations>, 'bodies'>
  boxes: Pick<ReturnType<typeof createBoxes>, 'read'>
  recalled: Pick<Recalled, 'message' | 'item'>
  fresh: Fresh
}

/** Remembers that something was recalled. */
type Note = () => void

/**
 * @returns `recheck(frames, viewer)`: notes what of it was recalled, so that it will not be sent.
 *   Throws when the store does not answer in time.
 */
export function createRecheck ({ conversations, boxes, recalled, fresh }: Floor) {
  async function messages (conversationId: string, seqs: number[]): Promise<Note[]> {
    return (await conversations.bodies(conversationId, seqs)).flatMap(body => {
      const message = parsed<Message>(body)
      return body !== null && message?.type === 'revoked' ? [() => recalled.message(conversationId, message.seq, { tombstone: body })] : []
    })
  }

  async function items (box: 'CMD_BOX' | 'NOTICE_BOX', userId: string, ids: string[]): Promise<Note[]> {
    const pending = new Set((await boxes.read(box, userId, ids)).map(({ id }) => id))
    return ids.filter(id => !pending.has(id)).map(id => () => recalled.item(userId, id))
  }

  return async function recheck (frames: Frame[], { userId }: Pick<Viewer, 'userId'>): Promise<void> {
    const sent = frames.map(({ event, data = '{}' }) => ({ event, ...JSON.parse(data) as Sent }))
    const byConversation = Map.groupBy(sent.filter(({ event }) => event === 'MSG_DOWN'), ({ conversationId = '' }) => conversationId)
    const pending = sent.filter(({ needComplete, op }) => needComplete === true && (op === 'do' || op === 'show'))
    const notes = await fresh(async () => await Promise.all([
      ...[...byConversation].map(([conversationId, some]) => messages(conversationId, some.map(({ seq = 0 }) => seq))),
      items('CMD_BOX', userId, pending.flatMap(({ cmdId }) => cmdId ?? [])),
      items('NOTICE_BOX', userId, pending.flatMap(({ noticeId }) => noticeId ?? []))
    ]))
    // only now: what was read in a life that is over is not remembered [STORE-1]
    for (const note of notes.flat()) note()
  }
}
