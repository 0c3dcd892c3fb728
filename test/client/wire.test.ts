// The wire as the client's types say it, against the definitions of the protocol: what differs does not compile.
import type { Static } from '@sinclair/typebox'
import t from 'tap'
import type { Ack, Command, Conversation, Events, HistoryPage, Notice, Presence } from '../../src/client/index.js'
import { getReadMsg } from '../../src/commands/get-read-msg.js'
import type { ConversationPage } from '../../src/protocol/conversation.js'
import { byes, type events } from '../../src/protocol/events.js'
import type { SeenPresence } from '../../src/protocol/presence.js'

type Down<K extends keyof typeof events> = Static<(typeof events)[K]>
/** Whether each may stand where the other does. */
type Both<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false

t.test('messages, answers, commands, notices and pages are those of the protocol', async t => {
  const same: [
    Both<Events['message'], Down<'MSG_DOWN'>>,
    Both<Ack & { epoch: string }, Down<'ACK_DOWN'>>,
    Both<Command, Down<'CMD_DOWN'>>,
    Both<Notice, Down<'NOTICE_DOWN'>>,
    Both<Presence, Static<typeof SeenPresence>>,
    Both<Conversation, Static<typeof ConversationPage>['items'][number]>,
    Both<Omit<HistoryPage, 'messages'>, Omit<Static<typeof getReadMsg.result>, 'messages' | 'requestId'>>
  ] = [true, true, true, true, true, true, true]
  t.notOk(same.includes(false as true))
})

t.test('each verdict of a goodbye is one that the client knows', async t => {
  t.same([...new Set(Object.values(byes).map(({ reconnect }) => reconnect))].sort(), ['backoff', 'login', 'never', 'now'])
})
