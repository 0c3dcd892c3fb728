// What a hook is asked, and what it may answer, as data. docs/protocol.md section 8. [HOOK-1] [HOOK-2]
import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox'
import { CommandFields } from './app-command.js'
import { clientId, ConversationId, oneOf, Platform, TerminalId, TraceId, UserId } from './ids.js'
import { contents, messageParts } from './message.js'

const asked = { from: UserId, terminalId: TerminalId, traceId: TraceId }
const example = { from: 'alice', terminalId: 'web-1', traceId: '7c1f4b9d2e' }
const AnyContent = Type.Record(Type.String(), Type.Unknown())

function question<Name extends string> (
  name: Name, [description, facts, sample]: [description: string, facts: TProperties, sample: object]
): TObject {
  return Type.Object({
    type: Type.Literal(name),
    timestamp: Type.String({ format: 'date-time', description: 'When it is asked.' }),
    data: Type.Object({ ...asked, ...facts })
  }, { description, examples: [{ type: name, timestamp: '2026-11-23T14:00:00.123Z', data: { ...example, ...sample } }] })
}

const { data: _data, to: _to, terminals: _terminals, mode: _mode, ...commandFields } = CommandFields

/** What is asked, by its `type`. */
export const hookQuestions = {
  'message.beforeSend': question('message.beforeSend', [
    '`IRIS_HOOK_MESSAGE` is asked before a message of a user is stored. [HOOK-1]', {
      clientMsgId: clientId('The sender\'s own id of the message.', 'c-1'),
      conversationId: ConversationId,
      messageType: oneOf(Object.keys(contents)),
      content: AnyContent,
      ...messageParts
    }, { clientMsgId: 'c-1', conversationId: 'dm.alice.bob', messageType: 'text', content: { text: 'hi' } }
  ]),
  'command.beforeSend': question('command.beforeSend', [
    '`IRIS_HOOK_COMMAND` is asked before a command of a user is sent. [HOOK-1]', {
      ...commandFields,
      cmdId: Type.String({ description: 'As IRIS_CMD_SEND answers it.' }),
      mode: oneOf(['online', 'reliable']),
      content: Type.Record(Type.String(), Type.Unknown(), { description: 'Its `data`.' }),
      to: Type.Object({
        users: Type.Optional(Type.Array(UserId, { description: 'Those whom it may reach.' })),
        conversationId: Type.Optional(ConversationId),
        self: Type.Optional(Type.Literal(true))
      }, { description: 'One of them.' }),
      terminals: Type.Optional(Type.Object({
        ids: Type.Optional(Type.Array(TerminalId)),
        platforms: Type.Optional(Type.Array(Platform)),
        exceptMine: Type.Optional(Type.Boolean())
      }))
    }, {
      clientCmdId: 't-1', cmdId: 'k1a2073f47fb09f3c81d7aa', name: 'typing', mode: 'online', content: { on: true }, to: { users: ['bob'] }
    }
  ])
} as const

export type HookName = keyof typeof hookQuestions

/** A `code` in another form is not shown to the sender; of a sentence he is shown so many characters. */
export const HOOK_CODE = /^[A-Z][A-Z0-9_]{0,63}$/
export const HOOK_MESSAGE_LENGTH = 200

const answers = [
  Type.Object({ action: Type.Literal('allow') }),
  Type.Object({
    action: Type.Literal('deny'),
    code: Type.Optional(Type.String({
      description: `For the sender, as \`hookCode\`, when it is \`${HOOK_CODE.source}\`.`, examples: ['SPAM']
    })),
    message: Type.Optional(Type.String({
      description: `For the sender, as \`detail\`: its first ${HOOK_MESSAGE_LENGTH} characters.`, examples: ['No advertisements here']
    }))
  }),
  Type.Object({
    action: Type.Literal('modify'),
    content: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Takes the place of the message\'s `content`, or the command\'s `data`, under the same rules.'
    })
  })
]

/** What decides; anything else does not. [HOOK-2] [HOOK-4] */
export const HookAnswer = Type.Unsafe<Static<typeof answers[number]>>({
  type: 'object',
  required: ['action'],
  discriminator: { propertyName: 'action' },
  oneOf: answers,
  description: 'What a hook has decided. [HOOK-2]'
})
