// What an answer is about, for its line in the log: ids and numbers, never a text. [DELIVERY-4]
import type { FastifyRequest } from 'fastify'

interface Named { conversationId?: unknown, seq?: unknown, readSeq?: unknown, duplicate?: unknown }

const CONVERSATION = /^(?:dm|g)\.[A-Za-z0-9_.-]{1,137}$/

/**
 * @param result undefined of what was refused. @param body what was asked; it may break every rule.
 * @returns the conversation, and the message there: the one that was sent or revoked; of a reading the last that is read.
 *   undefined when it is about none.
 */
export function subjectOf (result: unknown, body: unknown): FastifyRequest['subject'] {
  const said = (result ?? {}) as Named
  const asked = (body ?? {}) as Named
  const conversationId = said.conversationId ?? asked.conversationId
  if (typeof conversationId !== 'string' || !CONVERSATION.test(conversationId)) return undefined
  const seq = said.seq ?? said.readSeq ?? asked.seq
  return { conversationId, seq: Number.isSafeInteger(seq) ? seq as number : undefined, ...(said.duplicate === true && { duplicate: true }) }
}
