// Server API: groups and their members.
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { conversationFacts, MutedUntil, Role } from '../protocol/conversation.js'
import { ConversationId, GroupId, SYSTEM_USER, Time, UserId, wellFormed } from '../protocol/ids.js'
import { limitedItems } from '../protocol/limits.js'
import { LEAST_MS } from '../protocol/login.js'
import { Ext } from '../protocol/message.js'
import { type FieldError, Problem } from '../protocol/problem.js'
import { Named, namedOf } from '../protocol/target.js'
import { type Context, defineOperation } from '../fanout/context.js'

const Title = Type.String({ minLength: 1, maxLength: 200, ...wellFormed })
const strict = { additionalProperties: false }
const server = { tag: 'Server', auth: 'server' } as const
const Params = Type.Object({ id: ConversationId })
const GroupParams = Type.Object({ id: GroupId })

const Conversation = Type.Object({
  ...conversationFacts,
  members: Type.Array(Type.Object({
    userId: UserId, role: Role, joinedSeq: Type.Integer({ minimum: 0 }), mutedUntil: Type.Optional(MutedUntil)
  }))
})
/** A member as he is named: his id, or with what he is. [SERVER-6] */
const Member = Named<{ role?: Static<typeof Role>, mutedUntil?: number }>({ role: Role, mutedUntil: MutedUntil })
const Members = <Item extends TSchema>(item: Item) => Type.Array(item, limitedItems('members'))

const example = {
  conversationId: 'g.support-7',
  kind: 'group' as const,
  title: 'Order 7',
  epoch: '1795442400123',
  headSeq: 0,
  createdAt: 1795442400123,
  members: [{ userId: 'alice', role: 'owner' as const, joinedSeq: 1 }]
}

function uniqueMembers (lists: Record<string, readonly string[]>): FieldError[] {
  const seen = new Set<string>([SYSTEM_USER])
  return Object.entries(lists).flatMap(([name, users]) => users.flatMap((user, i) => {
    if (!seen.has(user)) {
      seen.add(user)
      return []
    }
    return [{ pointer: `/${name}/${i}`, detail: user === SYSTEM_USER ? `${SYSTEM_USER} is reserved` : 'must not be named twice' }]
  }))
}

/** A time in seconds would mute nobody, and nobody would hear of it. */
const inSeconds = (lists: Record<string, readonly (string | { userId: string, mutedUntil?: number })[]>): FieldError[] =>
  Object.entries(lists).flatMap(([name, users]) => users.flatMap((user, i) => {
    const { mutedUntil = 0 } = typeof user === 'string' ? {} : user
    if (mutedUntil === 0 || mutedUntil >= LEAST_MS) return []
    return [{ pointer: `/${name}/${i}/mutedUntil`, detail: 'must be ms since 1970, or 0: that is a time in seconds' }]
  }))

const idsOf = (users: (string | { userId: string })[]) => users.map(user => namedOf(user).userId)

async function found (id: string, { groups }: Context): Promise<Static<typeof Conversation>> {
  const conversation = await groups.get(id)
  if (!conversation) throw new Problem('CONVERSATION_NOT_FOUND')
  return conversation
}

/** Creates a group, or replaces its title, ext and members. */
export const putConversation = defineOperation({
  ...server,
  name: 'putConversation',
  method: 'PUT',
  path: '/v1/server/conversations/{id}',
  summary: 'Create a group, or replace its title and members',
  description: 'Idempotent: the same PUT again changes nothing. ' +
    'Members that are not named leave; new ones see the history from their joining on. ' +
    'Who is named without a role is a `member`, without `mutedUntil` he is not muted. [SERVER-6] [MUTE-1]',
  params: GroupParams,
  body: Type.Object({
    title: Type.Optional(Title),
    members: Type.Array(Member, { minItems: 1, ...limitedItems('members') }),
    ext: Type.Optional(Ext)
  }, strict),
  result: Type.Object({ created: Type.Boolean(), ...Conversation.properties }),
  errors: ['INVALID_QUERY', 'TOO_MANY_MEMBERS', 'CONVERSATION_CLOSED'],
  example: {
    body: { title: 'Order 7', members: [{ userId: 'alice', role: 'owner' }, { userId: 'bob', role: 'member' }] },
    result: { created: true, ...example }
  },
  check: ({ members }) => [...uniqueMembers({ members: idsOf(members) }), ...inSeconds({ members })],
  async handle ({ params: { id }, body: { title = '', ext, members }, traceId }, context) {
    const { created } = await context.groups.put(id, { title, ext: ext ? JSON.stringify(ext) : '', traceId },
      members.map(namedOf).map(({ userId, role = 'member', mutedUntil = 0 }) => ({ userId, role, mutedUntil })))
    return { created, ...await found(id, context) }
  }
})

/** Shows a conversation. */
export const getConversation = defineOperation({
  ...server,
  name: 'getConversation',
  method: 'GET',
  path: '/v1/server/conversations/{id}',
  summary: 'Show a conversation and its members',
  description: 'Direct conversations too. `headSeq` is the newest message, `joinedSeq` the first one that a member sees.',
  params: Params,
  result: Conversation,
  errors: ['INVALID_QUERY', 'CONVERSATION_NOT_FOUND'],
  example: { result: example },
  handle: async ({ params: { id } }, context) => await found(id, context)
})

/** Closes a conversation. */
export const closeConversation = defineOperation({
  ...server,
  name: 'closeConversation',
  method: 'DELETE',
  path: '/v1/server/conversations/{id}',
  summary: 'Close a conversation: its history stays, nothing is sent',
  description: 'Twice is fine: the time of the first closing comes back.',
  params: Params,
  result: Type.Object({ conversationId: ConversationId, closedAt: Time }),
  errors: ['INVALID_QUERY', 'CONVERSATION_NOT_FOUND'],
  example: { result: { conversationId: 'g.support-7', closedAt: 1795442400123 } },
  async handle ({ params: { id }, traceId }, { groups }) {
    return { conversationId: id, closedAt: await groups.close(id, traceId) }
  }
})

/** Changes some members of a group. */
export const changeMembers = defineOperation({
  ...server,
  name: 'changeMembers',
  method: 'POST',
  path: '/v1/server/conversations/{id}/members',
  summary: 'Add and remove members, change roles, mute',
  description: 'Up to 500 a call, each user once: his id, or an object. A removed member gets nothing more and sees the history up to ' +
    'his leaving; a new one sees it from his joining on. Adding a member or removing a stranger changes nothing. A muted one reads all, ' +
    'and writes nothing: his messages are 403 `MUTED` until then. [MUTE-1] [SERVER-6]',
  params: GroupParams,
  body: Type.Object({
    add: Type.Optional(Members(Member)),
    remove: Type.Optional(Members(Named())),
    role: Type.Optional(Members(Type.Object({ userId: UserId, role: Role, mutedUntil: Type.Optional(MutedUntil) }, strict))),
    mute: Type.Optional(Members(Type.Object({ userId: UserId, mutedUntil: MutedUntil }, strict)))
  }, strict),
  result: Conversation,
  errors: ['INVALID_QUERY', 'CONVERSATION_NOT_FOUND', 'TOO_MANY_MEMBERS', 'CONVERSATION_CLOSED'],
  example: { body: { add: [{ userId: 'carol' }], remove: ['bob'] }, result: example },
  check: lists => [
    ...uniqueMembers(Object.fromEntries(Object.entries(lists).map(([name, users]) => [name, idsOf(users)]))), ...inSeconds(lists)
  ],
  async handle ({ params: { id }, body: { add = [], remove = [], role = [], mute = [] }, traceId }, context) {
    const members = new Set((await found(id, context)).members.map(({ userId }) => userId))
    const strangers = Object.entries({ role, mute }).flatMap(([name, users]) =>
      users.flatMap(({ userId }, i) => members.has(userId) ? [] : [{ pointer: `/${name}/${i}/userId`, detail: 'is not a member' }]))
    if (strangers.length > 0) throw new Problem('INVALID_BODY', { errors: strangers })
    await context.groups.change(id, [
      ...add.map(namedOf).map(({ role = '=' as const, ...rest }) => ({ ...rest, role })),
      ...idsOf(remove).map(userId => ({ userId, role: '-' as const })),
      // who has left meanwhile does not come back by it
      ...role.map(change => ({ ...change, isMember: true as const })),
      ...mute.map(change => ({ ...change, role: '=' as const, isMember: true as const }))
    ], traceId)
    return await found(id, context)
  }
})
