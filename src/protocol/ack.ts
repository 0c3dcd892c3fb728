// The ACK of a message: where it stands, the same by whatever door it was sent. docs/protocol.md section 5. [MSG-1] [MSG-2]
import { type Static, Type } from '@sinclair/typebox'
import { clientId, ConversationId, Epoch, Seq, Time } from './ids.js'

export const Ack = Type.Object({
  clientMsgId: clientId('The sender\'s own id of the message.', 'c-1'),
  conversationId: ConversationId,
  seq: Seq,
  msgId: Type.String(),
  epoch: Epoch,
  ts: Time,
  duplicate: Type.Boolean({ description: 'The message had been stored before. [MSG-2]' })
})
export type Ack = Static<typeof Ack>

/** What the examples of the documents show. */
export const exampleAck: Ack = {
  clientMsgId: 'c-1',
  conversationId: 'dm.alice.bob',
  seq: 1,
  msgId: '1a2073f47fb000000011a9f3c81',
  epoch: '1795442400123',
  ts: 1795442400123,
  duplicate: false
}
