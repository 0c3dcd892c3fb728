// MSG_UP: sends a message.
import { Type } from '@sinclair/typebox'
import { Ack, exampleAck } from '../protocol/ack.js'
import { clientId, ConversationId } from '../protocol/ids.js'
import { contents, messageUnion } from '../protocol/message.js'
import { oneTarget, To } from '../protocol/target.js'
import { defineCommand } from '../fanout/context.js'
import { checkMessage, sendMessage } from '../fanout/send-message.js'

/** MSG_UP - a message to a user or a conversation. [MSG-1] ... [MSG-5] */
export const msgUp = defineCommand({
  name: 'MSG_UP',
  path: '/v1/up/msg',
  summary: 'Send a message to a user or a conversation',
  description: 'Stores the message once, gives it the next `seq` of its conversation and puts it into the stream of ' +
    'every member. Send it again with the same `clientMsgId` and content until you get an answer: the answer is the ' +
    'same, with `duplicate: true`. The first message to a user creates the direct conversation. [MSG-1] [MSG-2]',
  body: messageUnion(contents, {
    clientMsgId: clientId('Made by the client; the same for every retry of this message.', 'c-1'),
    to: Type.Optional(To(1)),
    conversationId: Type.Optional(ConversationId)
  }),
  result: Ack,
  errors: ['CONVERSATION_NOT_FOUND', 'MESSAGE_NOT_FOUND', 'CONVERSATION_CLOSED', 'CLIENT_MSG_ID_CONFLICT', 'BLOCKED', 'MUTED',
    'DIRECT_NOT_ALLOWED', 'DENIED', 'HOOK_UNAVAILABLE'],
  example: {
    body: { clientMsgId: 'c-1', to: 'bob', type: 'text', content: { text: 'hi' } },
    result: exampleAck
  },
  costs: [{
    per: 50,
    of: 'members of the group',
    count ({ body }) {
      const { conversationId = '' } = oneTarget(body) ?? {}
      return conversationId.startsWith('g.') ? { membersOf: conversationId } : 0
    }
  }],
  check: checkMessage,
  admitsItself: true,
  async handle ({ body, caller: { userId, terminalId }, traceId, door, brokenIn }, { deliver, before }) {
    return await sendMessage({ deliver, before }, body, { from: userId, terminalId, traceId, door, brokenIn })
  }
})
