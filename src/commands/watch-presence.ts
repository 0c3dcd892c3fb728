// Who of some users is there, and a word whenever that changes. Section 7.
import { Type } from '@sinclair/typebox'
import { UserId } from '../protocol/ids.js'
import { limitedItems } from '../protocol/limits.js'
import { SeenPresence } from '../protocol/presence.js'
import { defineOperation } from '../fanout/context.js'

const PER_UNIT = 25

/** Says who is there of those whom the caller may see, and tells his terminal of changes if it asks for that. [SEE-3] [SEE-4] */
export const watchPresence = defineOperation({
  name: 'watchPresence',
  method: 'POST',
  path: '/v1/presence',
  tag: 'Conversations',
  auth: 'user',
  summary: 'Ask which of up to 100 users are online, and be told when that changes',
  description: 'One item each, in the order of the question. Shown are those who share a group with you, or have written in your direct ' +
    'conversation, and have not blocked you; anybody else, whether there is such a user or not, is `online: false` without `since`. With ' +
    '`watch` the open connections of this terminal are told of changes by `CMD_DOWN PRESENCE {userId, online, since}`, stored nowhere: ' +
    'a new list takes the place of the one before, an empty one ends it, and so does the end of the connection: ask again after each ' +
    'READY. Who may be seen no more is told as gone. Of two words about a user the one with the later `since` counts, of two with the ' +
    'same the last one. [SEE-3] [SEE-4]',
  body: Type.Object({
    users: Type.Array(UserId, { uniqueItems: true, ...limitedItems('ids') }),
    watch: Type.Optional(Type.Boolean({ description: 'Tell this terminal of changes from now on; the list may be empty then.' }))
  }, { additionalProperties: false }),
  result: Type.Object({
    items: Type.Array(SeenPresence),
    watching: Type.Optional(Type.Boolean({
      description: 'With `watch`: whether an open connection of this terminal is told. False: there is none, or the list is empty.'
    }))
  }),
  errors: [],
  example: {
    body: { users: ['bob', 'carol'], watch: true },
    result: { items: [{ userId: 'bob', online: true, since: 1795442400123 }, { userId: 'carol', online: false }], watching: true }
  },
  costs: [{ per: PER_UNIT, of: '`users`', count: ({ body: { users } }) => users.length }],
  check ({ users, watch }) {
    return users.length > 0 || watch ? [] : [{ pointer: '/users', detail: 'must name a user, unless `watch` is true and is to end' }]
  },
  async handle ({ body: { users, watch }, caller: { userId, terminalId } }, { deliver, sight, online }) {
    // first: what changes after the look is told, what changed before it is in the answer
    const taken = watch && await deliver.watch({ userId, terminalId, users })
    const [may, found] = await Promise.all([sight.maySee(users.map(each => ({ userId: each, by: userId }))), online.of(users)])
    return {
      items: found.map((each, i) => may[i] ? each : { userId: each.userId, online: false }),
      ...(watch && { watching: taken === true && users.length > 0 })
    }
  }
})
