// Server API: many messages in one request, each with its own result. [SERVER-7]
import { type Static, Type } from '@sinclair/typebox'
import { Ack, exampleAck } from '../protocol/ack.js'
import { limitedItems } from '../protocol/limits.js'
import { Problem, problemBody, ProblemBody } from '../protocol/problem.js'
import { type Context, defineOperation } from '../fanout/context.js'
import { checkMessage, sendMessage } from '../fanout/send-message.js'
import { inSteps } from '../store/redis/steps.js'
import { asUnavailable } from '../store/redis/unavailable.js'
import { MessageAs } from './messages.js'

const path = '/v1/server/messages/batch'

/** The ACK, or why there is none. */
const Result = Type.Object({
  ...Type.Partial(Ack).properties,
  clientMsgId: Ack.properties.clientMsgId,
  error: Type.Optional(ProblemBody)
})
type Result = Static<typeof Result>

/** Sends many messages. */
export const sendMessages = defineOperation({
  name: 'sendMessages',
  method: 'POST',
  path,
  tag: 'Server',
  auth: 'server',
  summary: 'Send up to 100 messages, each with its own result',
  description: 'Each as `POST /v1/server/messages` takes it, in this order: those of one conversation get rising `seq`. `results` has ' +
    'one for each, in the same order: what a single send answers, or `error`, the problem that it would be refused with; the others are ' +
    'sent all the same. What breaks a rule of the body refuses all of them before anything is sent. Send it again as it is, by the same ' +
    '`clientMsgId`s: what was stored has its first answer. While an `error` is `retryable` the answer is not kept under its ' +
    '`Idempotency-Key`: the next try is one. [SERVER-7] [MSG-2]',
  body: Type.Object({ messages: Type.Array(MessageAs, { minItems: 1, ...limitedItems('ids') }) }, { additionalProperties: false }),
  result: Type.Object({ results: Type.Array(Result) }),
  errors: [],
  example: {
    body: {
      messages: [
        { from: 'alice', clientMsgId: 's-2', to: 'bob', type: 'text', content: { text: 'imported' } },
        { from: 'system', clientMsgId: 's-3', conversationId: 'g.nowhere', type: 'system', content: { event: 'imported' } }
      ]
    },
    result: {
      results: [{ ...exampleAck, clientMsgId: 's-2' }, {
        clientMsgId: 's-3',
        error: problemBody(new Problem('CONVERSATION_NOT_FOUND'), { instance: path, traceId: '7c1f4b9d2e' })
      }]
    }
  },
  check: ({ messages }) => messages.flatMap((message, i) =>
    checkMessage(message).map(({ pointer, detail }) => ({ pointer: `/messages/${i}${pointer}`, detail }))),
  isFinal: ({ results }) => !results.some(({ error }) => error?.retryable),
  async handle ({ body: { messages }, traceId }, context) {
    return { results: await inSteps(messages, message => resultOf(message, traceId, context)) }
  }
})

/** @returns what became of one: the store decides those of one step in their order. */
async function resultOf (message: Static<typeof MessageAs>, traceId: string, { deliver }: Context): Promise<Result> {
  const { from, clientMsgId } = message
  try {
    return await sendMessage({ deliver }, message, { from, terminalId: '', traceId })
  } catch (error) {
    const problem = asUnavailable(error)
    if (!(problem instanceof Problem)) throw error
    return { clientMsgId, error: problemBody(problem, { instance: path, traceId }) }
  }
}
