// Server API: kicks. [KICK-1]
import { Type } from '@sinclair/typebox'
import { TerminalId, Time, UserId, wellFormed } from '../protocol/ids.js'
import { Terminals, terminalsOf } from '../protocol/target.js'
import { defineOperation } from '../fanout/context.js'

/** Ends the sessions of a user, or of some of his terminals. */
export const kickUser = defineOperation({
  name: 'kickUser',
  method: 'POST',
  path: '/v1/server/users/{id}/kick',
  tag: 'Server',
  auth: 'server',
  summary: 'Kick a user, or some of his terminals',
  description: 'Each connection gets `NOTICE_DOWN kind: "kick"` as its last event, then BYE 4301; from the answer on nothing is accepted ' +
    'from a kicked terminal and nothing reaches it: 401 `KICKED`, 204 on an EventSource. ' +
    'What is connected at that instant is before the kick, whatever the `iat` of its token. Tokens issued from `tokensFrom` on are ' +
    'welcome, unless `banSec` says otherwise; those of POST /v1/server/tokens are, at once. The kick lasts for 30 days, and longer ' +
    'for tokens that do. ' +
    'Terminals that are not connected, or not known, are kicked all the same. A ban removes the terminals, too: their shares of ' +
    '`complete: "all"` are done. [KICK-1] [KICK-3] [COMPLETE-5]',
  params: Type.Object({ id: UserId }),
  body: Type.Object({
    terminals: Type.Optional(Terminals({ required: ['ids'], uniqueItems: true, description: 'Their ids; all when absent. [SERVER-6]' })),
    reason: Type.String({ minLength: 1, maxLength: 200, ...wellFormed, description: 'Shown to the user.' }),
    revokeTokens: Type.Optional(Type.Boolean({
      default: false,
      description: 'All of the user\'s tokens issued until now are refused, on every terminal.'
    })),
    banSec: Type.Optional(Type.Integer({ minimum: 1, maximum: 315_360_000, description: 'For so long later logins are refused, too.' }))
  }, { additionalProperties: false }),
  result: Type.Object({
    kicked: Type.Array(TerminalId, { description: 'The terminals named; all that are known when none is named or tokens are revoked.' }),
    tokensFrom: Type.Integer({
      minimum: 0,
      description: 'A NumericDate (s): tokens whose `iat` is this or later are not refused by the kick. With a ban: when that ends.',
      examples: [1795442401]
    })
  }),
  errors: [],
  example: { body: { terminals: ['web-1'], reason: 'signed in elsewhere' }, result: { kicked: ['web-1'], tokensFrom: 1795442401 } },
  async handle ({ params: { id }, body: { terminals, ...facts }, traceId }, { kicker }) {
    const { ids } = terminals === undefined ? {} : terminalsOf(terminals)
    const { kicked, welcomeFrom } = await kicker.kick(id, { ...facts, ...(ids && { terminals: ids }) }, traceId)
    return { kicked, tokensFrom: Math.ceil(welcomeFrom / 1000) }
  }
})

/** Takes back what kicks said. */
export const liftKicks = defineOperation({
  name: 'liftKicks',
  method: 'DELETE',
  path: '/v1/server/users/{id}/kick',
  tag: 'Server',
  auth: 'server',
  summary: 'Lift all kicks and bans of a user',
  description: 'Kicks of terminals (also those that a newer login has replaced), bans, and `revokeTokens`: ' +
    'tokens from before are welcome again until they end. Twice is fine: then nothing is left. [KICK-3]',
  params: Type.Object({ id: UserId }),
  result: Type.Object({
    lifted: Type.Array(Type.Object({
      kind: Type.Unsafe<'kick' | 'ban' | 'tokens'>({ type: 'string', enum: ['kick', 'ban', 'tokens'] }),
      terminalId: Type.Optional(Type.String({ description: 'Absent: it was in force for all terminals.' })),
      reason: Type.String(),
      until: Time
    }), { description: 'What was in force.' })
  }),
  errors: ['INVALID_QUERY'],
  example: { result: { lifted: [{ kind: 'ban', terminalId: 'web-1', reason: 'spam', until: 1795446000123 }] } },
  async handle ({ params: { id } }, { kicks }) {
    return { lifted: await kicks.lift(id) }
  }
})
