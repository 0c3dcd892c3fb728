// What a back end is told of what happens, as data: kinds, schemas, examples. They stand in `iris:events`. docs/protocol.md section 8.
import { type Static, type TProperties, Type } from '@sinclair/typebox'
import { CommandName, clientId, ConversationId, oneOf, Platform, Seq, TerminalId, Time, TraceId, UserId } from './ids.js'
import { GoneReason } from './presence.js'

/** A position in the stream of events. */
export const EventId = Type.String({
  pattern: '^\\d{1,16}-\\d{1,16}$',
  description: 'The position of an event; what comes after it is asked for with `after`.',
  examples: ['1795442400123-0']
})

const Role = oneOf(['owner', 'admin', 'member'])
const MsgId = Type.String()
const Sender = Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Who sent the message; `system`: the application.' })
const CmdId = Type.String({ description: 'As IRIS_CMD_SEND answered it.' })
const Member = Type.Object({ userId: UserId, role: Role })
const place = { conversationId: ConversationId, seq: Seq, msgId: MsgId, from: Sender }
const example = { id: '1795442400123-0', ts: 1795442400123, traceId: '7c1f4b9d2e' }

/** An event of a kind: what all have, and its own facts. */
function event<Kind extends string, Facts extends TProperties> (
  type: Kind, [description, facts, sample]: [description: string, facts: Facts, sample: object]
) {
  return Type.Object({ id: EventId, type: Type.Literal(type), ts: Time, traceId: Type.Optional(TraceId), ...facts }, {
    description, examples: [{ ...example, type, ...sample }]
  })
}

/** What presence says of a user or of one of his terminals. `node`: where it connected last. */
const present = {
  userId: UserId,
  n: Type.Integer({
    minimum: 1,
    description: 'Rises by one with each of these four events of a user: a smaller one than seen before is late.'
  }),
  terminalId: Type.Optional(TerminalId),
  platform: Type.Optional(Platform),
  node: Type.Optional(Type.String({ description: 'The node where the terminal connected last.' }))
}
const sample = { userId: 'alice', n: 1, terminalId: 'web-1', platform: 'web', node: 'iris-1' }
const hi = { conversationId: 'dm.alice.bob', seq: 1, msgId: '1a2073f47fb000000011a9f3c81', from: 'alice' }

/** The schema of each kind by its name. [LIFE-1] [EVENT-1] */
export const serverEvents = {
  'user.online': event('user.online', ['A user has a terminal, the first. [LIFE-1]', present, sample]),
  'user.offline': event('user.offline', ['A user has had no terminal for the grace. [LIFE-3]', present, { ...sample, n: 4 }]),
  'terminal.connected': event('terminal.connected', ['A terminal is there. [LIFE-1]', present, { ...sample, n: 2 }]),
  'terminal.disconnected': event('terminal.disconnected', [
    'A terminal is gone. [LIFE-1]', { ...present, reason: Type.Optional(GoneReason) }, { ...sample, n: 3, reason: 'LINK_CLOSE' }
  ]),
  'message.sent': event('message.sent', ['A message was stored. A reference: its text is read from the conversation. [EVENT-2]', {
    ...place,
    messageType: Type.String({ description: 'Its `type`.' }),
    silent: Type.Optional(Type.Literal(true, { description: 'It is unread for nobody, and asks for no push: `options.silent`.' })),
    offline: Type.Array(Type.Object({
      userId: UserId,
      unread: Type.Optional(Type.Integer({ minimum: 0, description: 'How many messages he has not read in all, this one among them.' }))
    }), { description: 'Members but the sender who have no terminal in the foreground.' })
  }, { ...hi, messageType: 'text', offline: [{ userId: 'bob', unread: 3 }] }]),
  'message.read': event('message.read', ['A user has read, and others may know it (READ). [EVENT-3]', {
    conversationId: ConversationId,
    userId: UserId,
    readSeq: Type.Integer({ minimum: 0, description: 'How far he has read, as others know it.' }),
    seqs: Type.Optional(Type.Array(Seq, { description: 'What he read singly.' }))
  }, { conversationId: 'dm.alice.bob', userId: 'bob', readSeq: 1 }]),
  'message.revoked': event('message.revoked', ['A message was revoked: here its body stands for the last time. [EVENT-4]', {
    ...place,
    by: Type.String({ description: 'Who revoked it; `system`: the application.' }),
    reason: Type.Optional(Type.String()),
    message: Type.Object({
      clientMsgId: clientId('The sender\'s own id of the message.', 'c-1'),
      type: Type.String(),
      content: Type.Record(Type.String(), Type.Unknown()),
      ext: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      mentions: Type.Optional(Type.Array(Type.String())),
      quote: Type.Optional(Type.Object({ seq: Seq })),
      options: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      ts: Time
    }, { description: 'What it was.' })
  }, { ...hi, by: 'alice', message: { clientMsgId: 'c-1', type: 'text', content: { text: 'hi' }, ts: 1795442399001 } }]),
  'command.completed': event('command.completed', ['A reliable command is completed for a user. [EVENT-5]', {
    cmdId: CmdId,
    name: Type.Optional(CommandName),
    userId: UserId,
    terminalId: Type.Optional(TerminalId)
  }, { cmdId: 'k1a2073f47fb09f3c81d7', name: 'call', userId: 'bob', terminalId: 'web-1' }]),
  'notice.completed': event('notice.completed', ['A notice is completed for a user. [EVENT-5]', {
    noticeId: clientId('The notice.', 'n-1'),
    userId: UserId,
    terminalId: Type.Optional(TerminalId)
  }, { noticeId: 'n-1', userId: 'bob', terminalId: 'web-1' }]),
  'conversation.changed': event('conversation.changed', ['A conversation is new, or is not what it was. [EVENT-6]', {
    conversationId: ConversationId,
    kind: oneOf(['dm', 'group']),
    change: oneOf(['created', 'opened', 'updated', 'members', 'closed'], {
      description: '`created`: a group; `opened`: a direct one, by its first message; `updated`: title or `ext`; `members`; `closed`.'
    }),
    title: Type.Optional(Type.String({ description: 'Of a group that is created, or whose title has changed.' })),
    added: Type.Optional(Type.Array(Member, { description: 'Who is a member now and was none.' })),
    removed: Type.Optional(Type.Array(UserId)),
    roles: Type.Optional(Type.Array(Member, { description: 'Who has another role now.' })),
    muted: Type.Optional(Type.Array(Type.Object({ userId: UserId, mutedUntil: Type.Optional(Time) }), {
      description: 'Who may not write until then; without `mutedUntil`: who may again.'
    }))
  }, { conversationId: 'g.support-7', kind: 'group', change: 'members', added: [{ userId: 'carol', role: 'member' }], removed: ['bob'] }]),
  'user.kicked': event('user.kicked', ['A user, or some of his terminals, was kicked. [EVENT-7]', {
    userId: UserId,
    terminals: Type.Optional(Type.Array(TerminalId, { description: 'Absent: all of them.' })),
    reason: Type.String(),
    revokeTokens: Type.Optional(Type.Literal(true)),
    bannedUntil: Type.Optional(Time)
  }, { userId: 'bob', terminals: ['web-1'], reason: 'spam' }]),
  'box.overflow': event('box.overflow', ['Something had no room in a user\'s box. [EVENT-7]', {
    userId: UserId,
    box: oneOf(['CMD_BOX', 'NOTICE_BOX']),
    itemId: Type.String({ description: 'The `cmdId` or `noticeId` of what is not in the box.' }),
    dropped: oneOf(['newest', 'oldest'], {
      description: '`newest`: it was not taken (`BOX_FULL`). `oldest`: it made room for another, and nobody was shown it from the box.'
    })
  }, { userId: 'bob', box: 'CMD_BOX', itemId: 'k1a2073f47fb09f3c81d7', dropped: 'newest' }])
} as const

export type EventKind = keyof typeof serverEvents
export type ServerEventFacts = Static<typeof serverEvents[EventKind]>

/** All kinds, in the order of the documents. */
export const eventKinds = Object.keys(serverEvents) as EventKind[]

/** What is written unless `IRIS_EVENTS` says otherwise: what would cost each message, or each reading, a part of itself is not. */
export const defaultKinds = eventKinds.filter(kind => kind !== 'message.sent' && kind !== 'message.read')

/** Any event. */
export const ServerEvent = Type.Unsafe<ServerEventFacts>({ oneOf: Object.values(serverEvents) })

const isKind = (name: string): name is EventKind => Object.hasOwn(serverEvents, name)

/** @returns the kinds that a list names, and what in it is none: `all` and `none` are, when they stand alone. */
export function kindsIn (names: readonly string[]): { kinds: EventKind[], unknown: string[] } {
  if (names.length === 1 && names[0] === 'all') return { kinds: eventKinds, unknown: [] }
  if (names.length === 1 && names[0] === 'none') return { kinds: [], unknown: [] }
  return { kinds: names.filter(isKind), unknown: names.filter(name => !isKind(name)) }
}
