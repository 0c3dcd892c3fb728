// TOKEN: a fresh token for an open stream. docs/protocol.md section 4.
import { Type } from '@sinclair/typebox'
import { Time } from '../protocol/ids.js'
import { Problem } from '../protocol/problem.js'
import { defineCommand } from '../fanout/context.js'

/** TOKEN - renews the life of all connections of the asking terminal, on whatever node. */
export const token = defineCommand({
  name: 'TOKEN',
  path: '/v1/up/token',
  summary: 'Hand in a fresh token without losing the stream',
  description: 'To be sent when `IRIS.AUTH` says that the token ends soon; without it the stream ' +
    'ends with BYE 4101, 25 s after the token. Authorize with the old token or with the fresh one. ' +
    'A ticket still ends with the token it was bought with: a later EventSource needs a new one.',
  body: Type.Object({
    token: Type.String({ minLength: 1, maxLength: 8_192, description: 'The fresh JWT; of the same user.' })
  }, { additionalProperties: false }),
  result: Type.Object({ expiresAt: Time }),
  errors: ['TOKEN_OF_ANOTHER_USER'],
  example: { body: { token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl' }, result: { expiresAt: 1795446000123 } },
  async handle ({ body, caller: { userId, terminalId } }, { verifyToken, kicks, deliver }) {
    const { userId: owner, issuedAt, expiresAt } = await verifyToken(body.token)
    if (owner !== userId) throw new Problem('TOKEN_OF_ANOTHER_USER')
    const reason = await kicks.renew(userId, { terminalId, issuedAt, expiresAt })
    if (reason !== undefined) throw new Problem('KICKED', { detail: reason })
    await deliver.renew(userId, terminalId, { issuedAt, expiresAt })
    return { expiresAt }
  }
})
