// Server API: whom a user has blocked. [DIRECT-2]
import { Type } from '@sinclair/typebox'
import { PageLimit } from '../protocol/conversation.js'
import { SYSTEM_USER, Time, UserId } from '../protocol/ids.js'
import { Problem } from '../protocol/problem.js'
import { defineOperation } from '../fanout/context.js'

const server = { tag: 'Server', auth: 'server' } as const
const Params = Type.Object({ id: UserId, otherId: UserId })
const Since = Type.Integer({ description: 'Since when, ms. Of one user\'s no two are the same.', examples: [1795442400123] })
const path = '/v1/server/users/{id}/blocked/{otherId}'

/** Nobody blocks himself, or what the application says. */
function checkPair ({ id, otherId }: { id: string, otherId: string }): void {
  const named = Object.entries({ id, otherId }).filter(([, user]) => user === SYSTEM_USER)
  const errors = named.map(([name]) => ({ pointer: `/${name}`, detail: `${SYSTEM_USER} is reserved` }))
  if (id === otherId) errors.push({ pointer: '/otherId', detail: 'must be another user' })
  if (errors.length > 0) throw new Problem('INVALID_QUERY', { errors })
}

/** A user blocks another. */
export const blockUser = defineOperation({
  ...server,
  name: 'blockUser',
  method: 'PUT',
  path,
  summary: 'A user blocks another, who can write to him no more',
  description: 'From the answer on messages of `otherId` to `id` are 403 `BLOCKED`, also in the direct conversation that they have. ' +
    'In groups blocking does nothing, and the server API is not bound by it. `id` may still write. Twice is fine. [DIRECT-2] [DIRECT-3]',
  params: Params,
  result: Type.Object({ userId: UserId, since: Since, created: Type.Boolean({ description: 'He was not blocked before.' }) }),
  errors: ['TOO_MANY_BLOCKED'],
  example: { result: { userId: 'bob', since: 1795442400123, created: true } },
  async handle ({ params }, { blocks }) {
    checkPair(params)
    const { since, changed } = await blocks.block(params.id, params.otherId)
    return { userId: params.otherId, since, created: changed }
  }
})

/** A user takes a block back. */
export const unblockUser = defineOperation({
  ...server,
  name: 'unblockUser',
  method: 'DELETE',
  path,
  summary: 'A user lets somebody write to him again',
  description: 'What was refused meanwhile is not delivered: it was stored nowhere. Twice is fine. [DIRECT-2]',
  params: Params,
  result: Type.Object({ userId: UserId, removed: Type.Boolean({ description: 'Whether he was blocked.' }) }),
  errors: [],
  example: { result: { userId: 'bob', removed: true } },
  async handle ({ params }, { blocks }) {
    checkPair(params)
    return { userId: params.otherId, removed: await blocks.unblock(params.id, params.otherId) }
  }
})

/** Shows whom a user has blocked. */
export const listBlocked = defineOperation({
  ...server,
  name: 'listBlocked',
  method: 'GET',
  path: '/v1/server/users/{id}/blocked',
  summary: 'Page whom a user has blocked, those of late first',
  description: 'Of a user who has blocked nobody, or was never heard of, the list is empty. [SERVER-1] [DIRECT-2]',
  params: Type.Object({ id: UserId }),
  query: Type.Object({
    after: Type.Optional(Type.String({
      pattern: '^[0-9]{1,16}$', description: 'The `next` of the page before; without it the first page.'
    })),
    limit: PageLimit
  }, { additionalProperties: false }),
  result: Type.Object({
    items: Type.Array(Type.Object({ userId: UserId, since: Time })),
    next: Type.Optional(Type.String())
  }),
  errors: [],
  example: { result: { items: [{ userId: 'bob', since: 1795442400123 }] } },
  handle: async ({ params: { id }, query: { after, limit = 30 } }, { blocks }) => await blocks.page(id, { after, limit })
})
