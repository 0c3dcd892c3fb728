// Server API: kicks. [KICK-1]
import { Type } from '@sinclair/typebox'
import { TerminalId, UserId, wellFormed } from '../protocol/ids.js'
import { limitedItems } from '../protocol/limits.js'
import { defineOperation } from '../delivery/context.js'

/** Ends the sessions of a user, or of some of his terminals. */
export const kickUser = defineOperation({
  name: 'kickUser',
  method: 'POST',
  path: '/v1/server/users/{id}/kick',
  tag: 'Server',
  auth: 'server',
  summary: 'Kick a user, or some of his terminals',
  description: 'Each connection gets `NOTICE_DOWN kind: "kick"` as its last event, then BYE 4301; from the answer on nothing is accepted from a kicked terminal and nothing reaches it. It is refused as long as its token was issued before the kick (or in the same second; a token without `iat` always counts so), for 30 days at most: 401 `KICKED`, 204 on an EventSource. A later login is welcome, unless `banSec` says otherwise. Terminals that are not connected, or not known, are kicked all the same. [KICK-1]',
  params: Type.Object({ id: UserId }),
  body: Type.Object({
    terminals: Type.Optional(Type.Array(TerminalId, { minItems: 1, uniqueItems: true, ...limitedItems('ids'), description: 'All when absent.' })),
    reason: Type.String({ minLength: 1, maxLength: 200, ...wellFormed, description: 'Shown to the user.' }),
    revokeTokens: Type.Optional(Type.Boolean({ default: false, description: 'All of the user\'s tokens issued until now are refused, on every terminal.' })),
    banSec: Type.Optional(Type.Integer({ minimum: 1, maximum: 315_360_000, description: 'For so long later logins are refused, too.' }))
  }, { additionalProperties: false }),
  result: Type.Object({ kicked: Type.Array(TerminalId, { description: 'The terminals named; all that are known when none is named or tokens are revoked.' }) }),
  errors: [],
  example: { body: { terminals: ['web-1'], reason: 'signed in elsewhere' }, result: { kicked: ['web-1'] } },
  async handle ({ params: { id }, body, traceId }, { kicker }) {
    return { kicked: await kicker.kick(id, body, traceId) }
  }
})
