// Server API: tokens for applications that do not sign their own.
import { Type } from '@sinclair/typebox'
import { Time, SYSTEM_USER, UserId } from '../protocol/ids.js'
import { defineOperation } from '../fanout/context.js'

/** Mints a user's token. */
export const createToken = defineOperation({
  name: 'createToken',
  method: 'POST',
  path: '/v1/server/tokens',
  tag: 'Server',
  auth: 'server',
  summary: 'Mint a token for one of your users',
  description: 'For applications that do not sign their own JWTs. Works when Iris holds the signing secret ' +
    '(`IRIS_TOKEN_SECRET`); with a public key or JWKS your own service signs. Its `iat` has milliseconds, ' +
    'and is later than every kick of the user: a new token is welcome at once, unless he is banned. [KICK-3]',
  body: Type.Object({
    userId: UserId,
    ttlSec: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_592_000, default: 3_600 }))
  }, { additionalProperties: false }),
  result: Type.Object({ token: Type.String(), expiresAt: Time }),
  errors: ['TOKENS_NOT_MINTED'],
  example: {
    body: { userId: 'alice', ttlSec: 3600 },
    result: { token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl', expiresAt: 1795446000123 }
  },
  check ({ userId }) {
    return userId === SYSTEM_USER ? [{ pointer: '/userId', detail: `${SYSTEM_USER} is reserved` }] : []
  },
  async handle ({ body: { userId, ttlSec = 3_600 } }, { mintToken }) {
    return await mintToken(userId, ttlSec)
  }
})
