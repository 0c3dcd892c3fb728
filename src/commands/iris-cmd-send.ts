// IRIS_CMD_SEND: an application's own command.
import { Type } from '@sinclair/typebox'
import { defineCommand } from '../fanout/context.js'
import { commandCosts, CommandFields, commandOf, CommandResult, checkCommand } from '../protocol/app-command.js'
import { sendCommand } from '../fanout/send-command.js'

/** IRIS_CMD_SEND - typing, call signalling, "refresh this order": invisible to chat history. [CMD-1] ... [CMD-6] */
export const irisCmdSend = defineCommand({
  name: 'IRIS_CMD_SEND',
  summary: 'Send a command of your application to other terminals',
  description: '`online` (default) goes to the terminals connected now and is stored nowhere; `reliable` is kept in ' +
    'CMD_BOX until it is completed or expires. Only members of a shared conversation, or oneself, can be reached; others ' +
    'are `skipped`, so are those who have blocked the sender. ' +
    'Idempotent by `clientCmdId`. Nobody online is 200 with `online: 0`. [CMD-1] [CMD-2] [CMD-3] [CMD-5] [DIRECT-4]',
  body: Type.Object(CommandFields, { additionalProperties: false }),
  result: CommandResult,
  errors: ['CONVERSATION_NOT_FOUND', 'NOT_ALLOWED_TARGET', 'RESERVED_NAME', 'CLIENT_CMD_ID_CONFLICT', 'BLOCKED', 'MUTED', 'DENIED',
    'HOOK_UNAVAILABLE'],
  example: {
    body: { clientCmdId: 't-1', name: 'typing', data: { conversationId: 'dm.alice.bob' }, to: { users: ['bob'] }, mode: 'online' },
    result: { cmdId: 'k1a2073f47fb09f3c81d7aa', clientCmdId: 't-1', accepted: 1, online: 1, stored: 0, skipped: [], duplicate: false }
  },
  costs: commandCosts,
  check: checkCommand,
  async handle ({ body, caller: { userId, terminalId, role }, traceId, brokenIn }, context) {
    return await sendCommand(context, commandOf(body), { from: userId, terminalId, role, traceId, brokenIn })
  }
})
