// A message that is to be sent, as it is kept.
import { IrisError, jsonOf } from '../base/error.js'
import { newId } from '../base/platform.js'
import type { KeptItem } from '../base/shapes.js'
import type { MessageBody } from '../base/wire.js'

let last = 0

/** @returns the message as it is now, and as it can be kept. Throws BAD_OPTION. */
export function itemFor (to: string, body: MessageBody, tab: string): KeptItem {
  last = Math.max(last + 1, Date.now())
  const item = JSON.parse(jsonOf(() => ({
    ...(to.includes('.') ? { conversationId: to } : { to }),
    ...(typeof body === 'string' ? { type: 'text', content: { text: body } } : body),
    at: Date.now(),
    attempts: 0,
    tab,
    order: last
  }))) as KeptItem
  item.clientMsgId ??= newId()
  return item
}

/** What is written from now on stands behind what was kept, though the clock has been set back since. */
export const keepOrder = ({ order = 0 }: KeptItem): void => { last = Math.max(last, order) }

/** @returns what is sent. */
export const bodyOf = ({ tab, at, attempts, order, triedAt, ...body }: KeptItem) => body

/** @returns the same of two that say the same, in whatever order their members stand. */
export const contentOf = (item: KeptItem): string => JSON.stringify(bodyOf(item), (_name, value: unknown) =>
  value instanceof Object && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value)

export const conflict = new IrisError('CLIENT_MSG_ID_CONFLICT', 'Another message with this clientMsgId is being sent: make an id for each')
export const expired = new IrisError('OUTBOX_EXPIRED', 'Unanswered for a day: look in the conversation, or write it anew')

/** @returns the conversation, by whichever name: those of others may go before one that is answered, and not taken. */
export const targetOf = ({ to, conversationId }: KeptItem, userId?: string): string =>
  conversationId ?? `dm.${[userId, to].sort().join('.')}`
