// Server API: commands to anybody.
import { Type } from '@sinclair/typebox'
import { checkCommand, CommandFields, commandOf, CommandResult } from '../protocol/app-command.js'
import { targetOf } from '../protocol/target.js'
import { defineOperation } from '../fanout/context.js'
import { sendCommand } from '../fanout/send-command.js'

/** IRIS_CMD_SEND from the application's back end: to any user. [CMD-3] */
export const sendCommandAs = defineOperation({
  name: 'sendCommand',
  method: 'POST',
  path: '/v1/server/commands',
  tag: 'Server',
  auth: 'server',
  summary: 'Send a command to any user\'s terminals',
  description: 'As IRIS_CMD_SEND, to anybody; it comes `from` system. [CMD-3]',
  body: Type.Object(CommandFields, { additionalProperties: false }),
  result: CommandResult,
  errors: ['CONVERSATION_NOT_FOUND', 'RESERVED_NAME', 'CLIENT_CMD_ID_CONFLICT'],
  example: {
    body: { clientCmdId: 'o-7', name: 'order.refresh', data: { orderId: 7 }, to: { users: ['alice'] }, mode: 'reliable', ttlSec: 3600 },
    result: { cmdId: 'k1a2073f47fb09f3c81d7aa', clientCmdId: 'o-7', accepted: 1, online: 1, stored: 1, skipped: [], duplicate: false }
  },
  check (body) {
    const errors = checkCommand(body)
    return targetOf(body.to).self ? [...errors, { pointer: '/to/self', detail: 'the server API has no terminals' }] : errors
  },
  async handle ({ body, caller: { userId, terminalId, role }, traceId }, context) {
    return await sendCommand(context, commandOf(body), { from: userId, terminalId, role, traceId })
  }
})
