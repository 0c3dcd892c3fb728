// A chat message: its types, the content of each, and MSG_DOWN's body. docs/protocol.md sections 4 and 5.
import { Type, type Static, type TProperties, type TSchema } from '@sinclair/typebox'
import { clientId, ConversationId, Seq, Time, TraceId, UserId } from './ids.js'
import { limitedBytes, limitedItems } from './limits.js'

const strict = { additionalProperties: false }
const Url = Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 2048, examples: ['https://files.example/7.jpg'] })
const Size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Mime = Type.String({ pattern: '^[a-z]+/[A-Za-z0-9.+-]+$', maxLength: 100 })
const Name = Type.String({ minLength: 1, maxLength: 255 })

const media = { width: Type.Optional(Size), height: Type.Optional(Size), size: Type.Optional(Size), mime: Type.Optional(Mime) }
const content = (properties: TProperties, open = false) =>
  Type.Object(properties, { additionalProperties: open, ...limitedBytes('contentBytes') })

/** The content of each message type that a user may send. */
export const contents = {
  text: content({ text: Type.String({ minLength: 1 }) }),
  image: content({ url: Url, ...media }),
  audio: content({ url: Url, durationMs: Size, size: Type.Optional(Size), mime: Type.Optional(Mime) }),
  video: content({ url: Url, durationMs: Type.Optional(Size), posterUrl: Type.Optional(Url), ...media }),
  file: content({ url: Url, name: Name, size: Size, mime: Type.Optional(Mime) }),
  location: content({
    latitude: Type.Number({ minimum: -90, maximum: 90 }),
    longitude: Type.Number({ minimum: -180, maximum: 180 }),
    title: Type.Optional(Name)
  }),
  card: content({ title: Name }, true),
  custom: content({}, true)
} as const satisfies Record<string, TSchema>

export type MessageType = keyof typeof contents

/** `ext`: what an application adds; carried, never read. */
export const Ext = Type.Record(Type.String(), Type.Unknown(), {
  description: 'The application\'s own members; carried, never read.',
  ...limitedBytes('extBytes')
})
const Mentions = Type.Array(Type.Union([UserId, Type.Literal('@all')]), {
  uniqueItems: true,
  description: 'User ids, or `["@all"]`.',
  ...limitedItems('ids')
})
const Quote = Type.Object({ seq: Seq }, { ...strict, description: 'A reference to an earlier message of the conversation, never a copy.' })
const Options = Type.Object({
  silent: Type.Optional(Type.Boolean({ description: 'Stored and delivered, but not unread for anybody.' }))
}, strict)

/** The members of a message that a sender writes beside `type` and `content`. */
export const messageParts = {
  ext: Type.Optional(Ext),
  mentions: Type.Optional(Mentions),
  quote: Type.Optional(Quote),
  options: Type.Optional(Options)
}

/** The content that a sender writes, as stored and compared. [MSG-2] */
export interface MessageContent {
  type: MessageType | 'system'
  content: Record<string, unknown>
  ext?: Record<string, unknown>
  mentions?: string[]
  quote?: { seq: number }
  options?: { silent?: boolean }
}

/**
 * The union of all message types, told apart by `type`, around the members that a caller adds (who sends, where to).
 * @param types the content schema by message type.
 * @param properties the members that stand beside `type` and `content`.
 */
export function messageUnion<P extends TProperties> (types: Record<string, TSchema>, properties: P) {
  const variants = Object.entries(types).map(([type, content]) =>
    Type.Object({ ...properties, type: Type.Literal(type), content, ...messageParts }, strict))
  type Parts = Static<ReturnType<typeof Type.Object<P>>>
  return Type.Unsafe<Parts & MessageContent>({
    type: 'object',
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: variants
  })
}

const identity = {
  conversationId: ConversationId,
  seq: Seq,
  msgId: Type.String({ description: 'Opaque, sortable.', examples: ['1a2073f47fb0000002a9f3c81d7'] }),
  from: UserId
}

/** What a conversation's log keeps of a message: MSG_DOWN without `source`. */
export const Message = Type.Object({
  ...identity,
  clientMsgId: clientId('The sender\'s own id of the message.', 'c-1'),
  type: Type.String({ description: '`text image audio video file location card custom system`, or `revoked`.', examples: ['text'] }),
  content: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { examples: [{ text: 'hi' }] })),
  ext: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  mentions: Type.Optional(Type.Array(Type.String())),
  quote: Type.Optional(Type.Object({ seq: Seq })),
  options: Type.Optional(Options),
  revoked: Type.Optional(Type.Object({ by: UserId, at: Time, reason: Type.Optional(Type.String()) }, {
    description: 'Only with `type: "revoked"`; there is no content then.'
  })),
  ts: Time,
  traceId: TraceId
})
export type Message = Static<typeof Message>

/** A message as the documents show it. */
export const exampleMessage = {
  conversationId: 'dm.alice.bob',
  seq: 1,
  msgId: '1a2073f47fb000000011a9f3c81',
  ts: 1795442400123,
  from: 'alice',
  clientMsgId: 'c-1',
  type: 'text',
  content: { text: 'hi' },
  traceId: '7c1f4b9d2e'
}
