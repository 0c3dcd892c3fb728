// Server API: a user is deleted. [USER-1] to [USER-4]
import { Type } from '@sinclair/typebox'
import { SYSTEM_USER, UserId } from '../protocol/ids.js'
import { Problem } from '../protocol/problem.js'
import { defineOperation } from '../fanout/context.js'

const Count = (description: string) => Type.Integer({ minimum: 0, description })

/** Deletes a user, in steps. */
export const deleteUser = defineOperation({
  name: 'deleteUser',
  method: 'DELETE',
  path: '/v1/server/users/{id}',
  tag: 'Server',
  auth: 'server',
  summary: 'Delete a user: what is kept of him, and what he wrote if you say so',
  description: 'His terminals are told goodbye (`kick`, BYE 4301), and nobody is let in as him until it is `done`. His stream, boxes, ' +
    'markers, unread counts, terminals, tickets, blocks and memberships go. What he wrote stays, `from` his id (`messages=keep`), or is ' +
    'revoked for everybody (`messages=revoke`), as by `POST messages/revoke`. It goes in steps: what is not done in time is `done: ' +
    'false`: call again until it is; so after a refusal, or no answer. Tokens from before `tokensFrom` are refused for 30 days, and as ' +
    'long as the longest of them is known to last; who has a later one begins as a new user. Twice is fine. [USER-1] to [USER-4]',
  params: Type.Object({ id: UserId }),
  query: Type.Object({
    messages: Type.Optional(Type.Unsafe<'keep' | 'revoke'>({
      type: 'string',
      enum: ['keep', 'revoke'],
      default: 'keep',
      description: 'What becomes of what he wrote. It is said in the first call: a deletion that is done has forgotten where he wrote.'
    }))
  }, { additionalProperties: false }),
  result: Type.Object({
    userId: UserId,
    done: Type.Boolean({ description: 'Nothing is left to do. Else call again.' }),
    removed: Type.Object({
      groups: Count('Groups that he was in, or had been in.'),
      directs: Count('Direct conversations. The other side keeps its own.'),
      revoked: Count('Messages that were revoked.'),
      blocked: Count('Users whom he had blocked.'),
      terminals: Count('Terminals that were known.'),
      tickets: Count('Tickets.'),
      commands: Count('Commands that waited for him.'),
      notices: Count('Notices that waited for him.')
    }, { description: 'By this call.' }),
    tokensFrom: Type.Integer({
      minimum: 0,
      description: 'A NumericDate (s): tokens whose `iat` is this or later are welcome when it is done, unless he is banned.',
      examples: [1795442401]
    })
  }),
  errors: [],
  example: {
    result: {
      userId: 'alice',
      done: true,
      removed: { groups: 1, directs: 1, revoked: 0, blocked: 0, terminals: 1, tickets: 0, commands: 0, notices: 2 },
      tokensFrom: 1795442401
    }
  },
  isFinal: ({ done }) => done,
  async handle ({ params: { id }, query: { messages = 'keep' }, traceId }, { remove }) {
    if (id === SYSTEM_USER) throw new Problem('INVALID_QUERY', { errors: [{ pointer: '/id', detail: `${SYSTEM_USER} is reserved` }] })
    const { welcomeFrom, ...outcome } = await remove(id, { revokes: messages === 'revoke', traceId })
    return { userId: id, ...outcome, tokensFrom: Math.ceil(welcomeFrom / 1000) }
  }
})
