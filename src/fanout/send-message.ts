// A send, from a user's MSG_UP or from the server API: prepared here, decided by the conversation's script. [MSG-1] [MSG-2]
import { hash } from 'node:crypto'
import stringify from 'safe-stable-stringify'
import { dmId, SYSTEM_USER } from '../protocol/ids.js'
import type { MessageContent } from '../protocol/message.js'
import type { Door } from '../protocol/operation.js'
import { type FieldError, invalid } from '../protocol/problem.js'
import { oneTarget, type Target } from '../protocol/target.js'
import { randomHex } from '../store/random.js'
import type { Context } from './context.js'

/** What a sender hands in: where to (exactly one of `to` and `conversationId`), his own id, the content. */
export interface MessageBody extends MessageContent { clientMsgId: string, to?: string | Target, conversationId?: string }

/** Who sends, and by which request. `terminalId` is empty for the server API: then every terminal of the user gets MSG_DOWN. */
export interface Sender { from: string, terminalId: string, traceId: string, door?: Door | undefined }

/** @returns a short digest of what makes two requests the same, whatever the order of their members. */
export function fingerprint (value: unknown): string {
  return hash('sha256', stringify(value) ?? '', 'base64').slice(0, 22)
}

/**
 * Stores a message once and tells every member.
 * @returns the ACK: the same for a retry, with `duplicate: true`. Throws INVALID_BODY for a message to oneself, and what the store refuses.
 */
export async function sendMessage ({ deliver }: Pick<Context, 'deliver'>, body: MessageBody, { from, terminalId, traceId, door }: Sender) {
  const { clientMsgId, type, content, ext, mentions, quote, options } = body
  const { to, conversationId = dmId(from, String(to)) } = oneTarget(body) ?? {}
  if (to === from) throw invalid('/to', 'must not be the sender')
  if (to !== undefined && (to === SYSTEM_USER || from === SYSTEM_USER)) {
    throw invalid('/to', `cannot be used between ${SYSTEM_USER} and a user: name a conversation`)
  }
  const rest = { content, ...(ext && { ext }), ...(mentions && { mentions }), ...(quote && { quote }), ...(options && { options }) }
  const sent = await deliver.message({
    conversationId,
    terminalId,
    fingerprint: fingerprint({ type, ...rest }),
    draft: { from, clientMsgId, type, traceId, rest: JSON.stringify(rest).slice('{"content":'.length, -1) },
    nonce: randomHex(4),
    quoteSeq: quote?.seq ?? 0,
    silent: options?.silent ?? false,
    ...(to !== undefined && { create: [from, to] as [string, string] })
  }, door)
  const { seq, msgId, epoch, ts, duplicate } = sent
  return { clientMsgId, conversationId, seq, msgId, epoch, ts, duplicate }
}

/** The rules between fields that the schema of a send cannot say. */
export function checkMessage ({ to, conversationId, mentions = [] }: MessageBody) {
  const errors: FieldError[] = []
  if (!oneTarget({ to, conversationId })) {
    errors.push({ pointer: conversationId === undefined ? '/to' : '/conversationId', detail: 'exactly one user or conversation is needed' })
  }
  if (mentions.length > 1 && mentions.includes('@all')) errors.push({ pointer: '/mentions', detail: '@all stands alone' })
  return errors
}
