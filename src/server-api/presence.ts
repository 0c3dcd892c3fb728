// Server API: who is there. Section 8.
import { Type } from '@sinclair/typebox'
import { Platform, TerminalId, Time, UserId } from '../protocol/ids.js'
import { TerminalState } from '../protocol/presence.js'
import { defineOperation } from '../fanout/context.js'

const server = { tag: 'Server', auth: 'server' } as const
const Lease = Type.Unsafe<'socket'>({
  type: 'string',
  enum: ['socket'],
  description: 'It connected with `lease=socket`: its open connection is its sign of life. Absent: heartbeats and commands are. [LIFE-2]'
})
const LastSeen = Type.Integer({
  description: 'The last connect, heartbeat or command, ms; renewed every few seconds.',
  examples: [1795442400123]
})

/** Shows the terminals of a user. */
export const listTerminals = defineOperation({
  ...server,
  name: 'listTerminals',
  method: 'GET',
  path: '/v1/server/users/{id}/terminals',
  summary: 'Show a user\'s terminals, the last seen first',
  description: 'All that Iris remembers of him, on whatever node. ' +
    'A terminal is `online` until `terminal.disconnected` is said of it; `since` is when it came, or went. [LIFE-1]',
  params: Type.Object({ id: UserId }),
  result: Type.Object({
    items: Type.Array(Type.Object({
      terminalId: TerminalId,
      platform: Platform,
      online: Type.Boolean(),
      state: TerminalState,
      since: Time,
      lastSeen: LastSeen,
      node: Type.Optional(Type.String({ description: 'Where it is connected.' })),
      lease: Type.Optional(Lease)
    }))
  }),
  errors: ['INVALID_QUERY'],
  example: {
    result: {
      items: [{
        terminalId: 'web-1',
        platform: 'web',
        online: true,
        state: 'foreground',
        since: 1795442400123,
        lastSeen: 1795442460123,
        node: 'iris-1'
      }]
    }
  },
  async handle ({ params: { id } }, { terminals }) {
    const [found = []] = await terminals.of([id])
    return { items: found.map(({ node, platform, ...rest }) => ({ ...rest, platform: platform as 'web', ...(rest.online && { node }) })) }
  }
})

/** Forgets a terminal of a user. */
export const removeTerminal = defineOperation({
  ...server,
  name: 'removeTerminal',
  method: 'DELETE',
  path: '/v1/server/users/{id}/terminals/{terminalId}',
  summary: 'Remove a terminal of a user',
  description: 'For a device that was logged out or given away: it is forgotten, its shares of `complete: "all"` ' +
    'are done, `terminal.disconnected` with LOGOUT is said, and its connections end with BYE 4102. Its token ' +
    'stays good: one that comes back is a new terminal. Kick it to keep it away. Twice is fine. [COMPLETE-5]',
  params: Type.Object({ id: UserId, terminalId: TerminalId }),
  result: Type.Object({ terminalId: TerminalId, removed: Type.Boolean({ description: 'Whether it was known.' }) }),
  errors: ['INVALID_QUERY'],
  example: { result: { terminalId: 'web-1', removed: true } },
  async handle ({ params: { id, terminalId }, traceId }, { kicker }) {
    return { terminalId, removed: await kicker.remove(id, terminalId, traceId) }
  }
})

/** Says of many users whether they are there. */
export const presence = defineOperation({
  ...server,
  name: 'presence',
  method: 'POST',
  path: '/v1/server/presence',
  isRead: true,
  summary: 'Ask which of up to 500 users are online',
  description: 'In the order of the question, one item each. `terminals` and `platforms` are those connected now; `lastSeen` is ' +
    'absent for a user who never connected; `lease` is there when all that is connected is so by its socket alone. [LIFE-1] [LIFE-2]',
  body: Type.Object({ users: Type.Array(UserId, { minItems: 1, maxItems: 500, uniqueItems: true }) }, { additionalProperties: false }),
  result: Type.Object({
    items: Type.Array(Type.Object({
      userId: UserId,
      online: Type.Boolean(),
      terminals: Type.Integer({ minimum: 0 }),
      platforms: Type.Array(Platform),
      lastSeen: Type.Optional(LastSeen),
      lease: Type.Optional(Lease)
    }))
  }),
  errors: [],
  example: {
    body: { users: ['alice', 'bob'] },
    result: {
      items: [
        { userId: 'alice', online: true, terminals: 1, platforms: ['web'], lastSeen: 1795442400123 },
        { userId: 'bob', online: false, terminals: 0, platforms: [] }
      ]
    }
  },
  async handle ({ body: { users } }, { terminals }) {
    const found = await terminals.of(users)
    return {
      items: found.map((all, i) => {
        const online = all.filter(terminal => terminal.online)
        const [latest] = all
        return {
          userId: users[i] as string,
          online: online.length > 0,
          terminals: online.length,
          platforms: [...new Set(online.map(({ platform }) => platform as 'web'))],
          ...(latest && { lastSeen: latest.lastSeen }),
          ...(online.length > 0 && online.every(({ lease }) => lease === 'socket') && { lease: 'socket' as const })
        }
      })
    }
  }
})
