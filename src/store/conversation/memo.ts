// What was made of a clientMsgId, so that a send that comes again is stored once. Kept by memo.lua. [MSG-2]
import { hash } from 'node:crypto'
import { keys } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { defineScript } from '../script/scripts.js'

const findMemo = defineScript('find-memo', {
  full: 'reads',
  preludes: ['life', 'down', 'memo'],
  keys: ['conversation', 'memos'],
  args: [...downArgs, 'field', 'fingerprint', 'dedupeMs']
})

/** 66 bits: of a day's memos of a conversation no two share one by chance, and nobody finds another sender's. */
const SHORT = 11

interface Sending { conversationId: string, from: string, clientMsgId: string, fingerprint: string }

/** @returns the arguments of a script that looks for a memo: its field, and what tells another content from this. */
export function memoArgs ({ from, clientMsgId, fingerprint }: Omit<Sending, 'conversationId'>) {
  return { field: hash('sha256', `${from} ${clientMsgId}`, 'base64url').slice(0, SHORT), fingerprint: fingerprint.slice(0, SHORT) }
}

/**
 * Looks for what was made of a send, also where the store takes nothing new. [STORE-2]
 * @returns as append-message.lua does for a duplicate; undefined when it is not known. Throws CLIENT_MSG_ID_CONFLICT.
 */
export async function memoOf (store: StoreContext, sending: Sending) {
  const { conversationId } = sending
  const reply = await findMemo(store.redis, {
    conversation: keys.conversation(conversationId), memos: keys.memos(conversationId)
  }, { ...downValues(store), ...memoArgs(sending), dedupeMs: store.limits.dedupeSec * 1000 })
  return reply[0] === 1 ? reply : undefined
}
