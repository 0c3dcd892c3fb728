// Server API: the stream of events, for back ends that do not want webhooks. Sections 7 and 8.
import { Type } from '@sinclair/typebox'
import { EventId, PresenceEvent } from '../protocol/presence.js'
import { type Context, defineOperation } from '../fanout/context.js'

const MAX_WAIT_MS = 30_000

/** Reads the stream of events. */
export const listEvents = defineOperation({
  name: 'listEvents',
  method: 'GET',
  path: '/v1/server/events',
  tag: 'Server',
  auth: 'server',
  summary: 'Read what happened after a position, or wait for it',
  description: 'Events in order, oldest first; hand `next` in as `after`. Without `after` it begins now: the first ' +
    'answer is empty unless something happens within `timeoutMs`, and has the position in `next`. `after=0-0` is ' +
    'the oldest that is kept. `reset: true`: something after that position is gone (trimmed, or lost with the ' +
    'store); what follows begins with the oldest event that is kept. Reading takes nothing away. [LIFE-1]',
  query: Type.Object({
    after: Type.Optional(EventId),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
    timeoutMs: Type.Optional(Type.Integer({
      minimum: 0,
      maximum: MAX_WAIT_MS,
      default: 0,
      description: 'How long an answer may wait for the first event.'
    }))
  }, { additionalProperties: false }),
  result: Type.Object({ items: Type.Array(PresenceEvent), next: EventId, reset: Type.Optional(Type.Literal(true)) }),
  errors: ['INVALID_QUERY'],
  example: {
    result: {
      items: [{
        id: '1795442400123-0',
        type: 'user.online',
        userId: 'alice',
        n: 1,
        terminalId: 'web-1',
        platform: 'web',
        node: 'iris-1',
        traceId: '7c1f4b9d2e',
        ts: 1795442400123
      }],
      next: '1795442400123-0'
    }
  },
  waitMs: ({ timeoutMs }) => Math.min(MAX_WAIT_MS, Math.max(0, Number(timeoutMs) || 0)),
  async handle ({ query: { after, limit = 100, timeoutMs = 0 } }, { events, watch }) {
    const from = after ?? await events.last()
    const found = await read(events, from, limit)
    if (found.items.length > 0 || found.reset || timeoutMs === 0) return found
    await watch.until(from, timeoutMs)
    return await read(events, from, limit)
  }
})

async function read (events: Context['events'], after: string, limit: number) {
  const { reset, ...page } = await events.read(after, limit)
  return { ...page, ...(reset && { reset }) }
}
