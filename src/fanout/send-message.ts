// A send, from a user's MSG_UP or from the server API: prepared here, decided by the conversation's script. [MSG-1] [MSG-2]
import { hash } from 'node:crypto'
import stringify from 'safe-stable-stringify'
import { dmId, SYSTEM_USER } from '../protocol/ids.js'
import type { MessageContent } from '../protocol/message.js'
import type { BrokenIn, Door } from '../protocol/operation.js'
import { type FieldError, invalid } from '../protocol/problem.js'
import { oneTarget, type Target } from '../protocol/target.js'
import { randomHex } from '../store/random.js'
import type { Context } from './context.js'

/** What a sender hands in: where to (exactly one of `to` and `conversationId`), his own id, the content. */
export interface MessageBody extends MessageContent { clientMsgId: string, to?: string | Target, conversationId?: string }

/**
 * Who sends, and by which request. `terminalId` is empty for the server API: then every terminal of the user gets MSG_DOWN.
 * `brokenIn`: the rules that another body in the place of his would break.
 */
export interface Sender { from: string, terminalId: string, traceId: string, door?: Door | undefined, brokenIn?: BrokenIn | undefined }

type Deps = Pick<Context, 'deliver'> & { before?: Pick<Context['before'], 'message'> }

/** @returns a short digest of what makes two requests the same, whatever the order of their members. */
export function fingerprint (value: unknown): string {
  return hash('sha256', stringify(value) ?? '', 'base64').slice(0, 22)
}

/**
 * Stores a message once and tells every member; one of a user, when the application has a hook, as that lets it be. [HOOK-1]
 * @returns the ACK: the same for a retry, with `duplicate: true`. Throws INVALID_BODY for a message to oneself, what the store
 *   refuses, and what a hook does.
 */
export async function sendMessage ({ deliver, before }: Deps, body: MessageBody, { from, terminalId, traceId, door, brokenIn }: Sender) {
  const { clientMsgId, type, content, ext, mentions, quote, options } = body
  const { to, conversationId = dmId(from, String(to)) } = oneTarget(body) ?? {}
  if (to === from) throw invalid('/to', 'must not be the sender')
  if (to !== undefined && (to === SYSTEM_USER || from === SYSTEM_USER)) {
    throw invalid('/to', `cannot be used between ${SYSTEM_USER} and a user: name a conversation`)
  }
  const rest = { content, ...(ext && { ext }), ...(mentions && { mentions }), ...(quote && { quote }), ...(options && { options }) }
  const send = {
    conversationId,
    terminalId,
    fingerprint: fingerprint({ type, ...rest }),
    draft: { from, clientMsgId, type, traceId, rest: restText(rest) },
    nonce: randomHex(4),
    quoteSeq: quote?.seq ?? 0,
    silent: options?.silent ?? false,
    ...(to !== undefined && { create: [from, to] as [string, string] })
  }
  const store = (other?: MessageContent['content']) =>
    deliver.message(other ? { ...send, draft: { ...send.draft, rest: restText({ ...rest, content: other }) } } : send, door)
  const sent = before?.message && door ? await before.message({ send, body, door, brokenIn }, store) : await store()
  const { seq, msgId, epoch, ts, duplicate } = sent
  return { clientMsgId, conversationId, seq, msgId, epoch, ts, duplicate }
}

/** @returns what a draft keeps of it: the text behind `"content":`, which comes first. */
const restText = (rest: { content: Record<string, unknown> }) => JSON.stringify(rest).slice('{"content":'.length, -1)

/** The rules between fields that the schema of a send cannot say. */
export function checkMessage ({ to, conversationId, mentions = [] }: MessageBody) {
  const errors: FieldError[] = []
  if (!oneTarget({ to, conversationId })) {
    errors.push({ pointer: conversationId === undefined ? '/to' : '/conversationId', detail: 'exactly one user or conversation is needed' })
  }
  if (mentions.length > 1 && mentions.includes('@all')) errors.push({ pointer: '/mentions', detail: '@all stands alone' })
  return errors
}
