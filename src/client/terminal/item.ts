// A message that is to be sent, as it is kept.
import { IrisError, jsonOf } from '../base/error.js'
import { newId } from '../base/platform.js'
import type { KeptItem } from '../base/shapes.js'
import type { MessageBody } from '../base/wire.js'

/** @returns the message as it is now, and as it can be kept. Throws BAD_OPTION. */
export const itemFor = (to: string, body: MessageBody, tab: string): KeptItem => JSON.parse(jsonOf(() => ({
  clientMsgId: newId(),
  ...(to.includes('.') ? { conversationId: to } : { to }),
  ...(typeof body === 'string' ? { type: 'text', content: { text: body } } : body),
  at: Date.now(),
  attempts: 0,
  tab
}))) as KeptItem

/** What is sent, in whatever order its members stand. */
export const contentOf = ({ tab, at, attempts, ...body }: KeptItem): string => JSON.stringify(body, (_name, value: unknown) =>
  value instanceof Object && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value)

export const conflict = new IrisError('CLIENT_MSG_ID_CONFLICT', 'Another message with this clientMsgId is being sent: make an id for each')
export const expired = new IrisError('OUTBOX_EXPIRED', 'Unanswered for a day: look in the conversation, or write it anew')
