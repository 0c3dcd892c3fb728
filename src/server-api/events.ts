// Server API: the stream of events, for back ends that do not want webhooks. Sections 7 and 8. [EVENT-1]
import { Type } from '@sinclair/typebox'
import { Problem } from '../protocol/problem.js'
import { EventId, type EventKind, eventKinds, kindsIn, ServerEvent } from '../protocol/server-events.js'
import { type Context, defineOperation } from '../fanout/context.js'
import type { EventPage } from '../store/user/events.js'

const MAX_WAIT_MS = 30_000
/** So many are looked at in one step for those that are asked for. */
const LOOKED_AT = 1_000

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
    'store): what stood between the two positions of `missing`; what follows is what is kept. `types` names the kinds that are wanted, ' +
    'and `next` moves over the others. Which kinds are written says `IRIS_EVENTS`; one that is not is refused. ' +
    'Reading takes nothing away. [LIFE-1] [EVENT-1]',
  query: Type.Object({
    after: Type.Optional(EventId),
    types: Type.Optional(Type.String({
      pattern: '^[a-z.]{1,40}(,[a-z.]{1,40}){0,39}$',
      description: 'Kinds of events, separated by commas; absent: all that are written.',
      examples: ['user.online,user.offline']
    })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
    timeoutMs: Type.Optional(Type.Integer({
      minimum: 0,
      maximum: MAX_WAIT_MS,
      default: 0,
      description: 'How long an answer may wait for the first event.'
    }))
  }, { additionalProperties: false }),
  result: Type.Object({
    items: Type.Array(ServerEvent),
    next: EventId,
    reset: Type.Optional(Type.Literal(true)),
    missing: Type.Optional(Type.Object({ after: EventId, before: Type.Optional(EventId) }, {
      description: 'With `reset`: nothing is kept between these positions. `before` is absent when nothing follows.'
    }))
  }),
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
  async handle ({ query: { after, types, limit = 100, timeoutMs = 0 } }, { events, watch }) {
    const kinds = types === undefined ? undefined : wanted(types.split(','), events.kinds)
    const ends = performance.now() + timeoutMs
    for (let from = after ?? await events.last(); ;) {
      const { missing, items, next } = await read(events, from, { kinds, limit, ends })
      const leftMs = ends - performance.now()
      if (items.length > 0 || missing || leftMs <= 0) return { items, next, ...(missing && { reset: true as const, missing }) }
      from = next
      await watch.until(from, leftMs)
      if (watch.hasStopped()) return { items, next }
    }
  }
})

/** @returns the kinds that are asked for; throws INVALID_QUERY for one that nobody would ever see. */
function wanted (names: string[], written: ReadonlySet<EventKind>): Set<EventKind> {
  const { kinds, unknown } = kindsIn(names)
  const errors = [
    ...unknown.map(name => ({ pointer: '/types', detail: `${name} is no kind of event: ${eventKinds.join(', ')}` })),
    ...kinds.filter(kind => !written.has(kind)).map(kind => ({ pointer: '/types', detail: `${kind} is not written: see IRIS_EVENTS` }))
  ]
  if (errors.length > 0) throw new Problem('INVALID_QUERY', { errors })
  return new Set(kinds)
}

interface Asked { kinds: ReadonlySet<EventKind> | undefined, limit: number, ends: number }

/** Reads on, step by step, until something is found or there is no more; what is looked at in vain takes no longer than is waited for. */
async function read (events: Context['events'], after: string, { kinds, limit, ends }: Asked): Promise<EventPage> {
  const count = kinds ? LOOKED_AT : limit
  for (let from = after; ;) {
    const page = await events.read(from, { kinds, count, most: limit })
    if (page.items.length > 0 || page.missing || !page.more || performance.now() > ends) return page
    from = page.next
  }
}
