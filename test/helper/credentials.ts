// Every kind of credential that somebody may come with, and what each door says to it. [AUTH-1]
import { randomBytes } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import { type Iris, SECRET, SERVER_KEY } from './iris.js'
import { tokenOf } from './token.js'

/** Who opens with it, as OpenAPI's `security` says it; `down`: a bearer or a ticket. */
export type Door = 'none' | 'user' | 'server' | 'down'
/** `in`, or the code of the refusal. */
type Verdict = string

export interface Credential {
  headers?: Record<string, string>
  query?: Record<string, string>
  /** What the doors say, but the one that is open to everybody. */
  verdicts: Record<Exclude<Door, 'none'>, Verdict>
}

/** The key before this one: both are valid during a rotation. */
export const OLD_SERVER_KEY = 'old-server-key-for-tests-0123456789'
/** Whose token and ticket are good. */
const GOOD_USER = 'good'
const TERMINAL = 'default'

const says = (user: Verdict, server: Verdict, down: Verdict = user) => ({ verdicts: { user, server, down } })
const bearer = (credential: string) => ({ headers: { authorization: `Bearer ${credential}` } })
const nobody = says('UNAUTHENTICATED', 'UNAUTHENTICATED')
const notOurs = says('BAD_TOKEN', 'BAD_SERVER_KEY')
const kicked = says('KICKED', 'BAD_SERVER_KEY')
const kickedByTicket = says('UNAUTHENTICATED', 'UNAUTHENTICATED', 'KICKED')
const badTicket = says('UNAUTHENTICATED', 'UNAUTHENTICATED', 'BAD_TICKET')
const notInAddress = says('UNAUTHENTICATED', 'UNAUTHENTICATED', 'INVALID_QUERY')

/** Makes them all against a server whose keys are SERVER_KEY and OLD_SERVER_KEY. */
export async function credentialsOf (iris: Iris): Promise<Record<string, Credential>> {
  const token = await tokenOf(GOOD_USER)
  const ticket = await ticketOf(iris, token)
  const elsewhere = await ticketOf(iris, token, 'elsewhere')
  const kicks = { kicked: { terminals: [TERMINAL] }, banned: { banSec: 3600 }, revoked: { revokeTokens: true } }
  const refused: Record<string, Credential> = {}
  for (const [userId, how] of Object.entries(kicks)) {
    const old = await tokenOf(userId, { agoSec: 100 })
    const bought = await ticketOf(iris, old)
    await done(iris.server('POST', `users/${userId}/kick`, { reason: 'x', ...how }))
    refused[`the token of a user who is ${userId}`] = { ...bearer(old), ...kicked }
    refused[`the ticket of a user who is ${userId}`] = { query: { ticket: bought }, ...kickedByTicket }
  }
  return { ...refused, ...absent(token), ...(await forged()), ...tickets({ token, ticket, elsewhere }), ...keys(token) }
}

/** Nothing that counts where it stands. */
const absent = (token: string): Record<string, Credential> => ({
  nothing: nobody,
  'an empty bearer': { headers: { authorization: 'Bearer ' }, ...nobody },
  'a token without its scheme': { headers: { authorization: token }, ...nobody },
  'a token as Basic': { headers: { authorization: `Basic ${token}` }, ...nobody },
  'a token in a cookie': { headers: { cookie: `token=${token}; authorization=Bearer ${token}` }, ...nobody },
  'a token in the query, as access_token': { query: { access_token: token }, ...notInAddress },
  'a token in the query, as token': { query: { token }, ...notInAddress },
  'a token in the query, by a name that is ignored': { query: { _token: token }, ...nobody },
  'a token in place of a ticket': { query: { ticket: token }, ...badTicket },
  'a server key in the query': { query: { key: SERVER_KEY }, ...notInAddress },
  'a server key as X-Api-Key': { headers: { 'x-api-key': SERVER_KEY }, ...nobody },
  'the name of a proxy\'s user': { headers: { 'x-user': GOOD_USER, 'x-forwarded-user': GOOD_USER, 'remote-user': GOOD_USER }, ...nobody },
  'two bearers in one header': { headers: { authorization: `Bearer ${token}, Bearer ${SERVER_KEY}` }, ...nobody }
})

/** Tokens that this gateway must not take. */
async function forged (): Promise<Record<string, Credential>> {
  const secret = Buffer.from(SECRET)
  const claims = { sub: GOOD_USER }
  const jwt = (facts: object, alg = 'HS256') => new SignJWT({ ...facts }).setProtectedHeader({ alg })
  const [head, body, signature] = (await tokenOf(GOOD_USER)).split('.')
  const [, claimsOfAnother] = (await tokenOf('somebody-else')).split('.')
  const tokens = {
    garbage: 'garbage',
    'a token of another secret': await jwt(claims).setExpirationTime('1h').sign(randomBytes(48)),
    'a token of another algorithm': await jwt(claims, 'HS384').setExpirationTime('1h').sign(secret),
    'a token that nobody signed': new UnsecuredJWT(claims).setExpirationTime('1h').encode(),
    'a token without its signature': `${head}.${body}.`,
    'a token with the claims of another': `${head}.${claimsOfAnother}.${signature}`,
    'a token without an end': await jwt(claims).sign(secret),
    'a token of nobody': await jwt({}).setExpirationTime('1h').sign(secret),
    'a token of system': await tokenOf('system'),
    'a token of what is no user id': await tokenOf('no user'),
    'a token that counts later': await jwt(claims).setNotBefore('10m').setExpirationTime('1h').sign(secret),
    'a token that was issued in the future': await tokenOf(GOOD_USER, { agoSec: -3600, endsInSec: 7200 }),
    'a token that is too long': 'x'.repeat(8_193)
  }
  return {
    ...Object.fromEntries(Object.entries(tokens).map(([what, token]) => [what, { ...bearer(token), ...notOurs }])),
    'a token that has ended': {
      ...bearer(await tokenOf(GOOD_USER, { agoSec: 7200, endsInSec: -10 })),
      ...says('TOKEN_EXPIRED', 'BAD_SERVER_KEY')
    }
  }
}

const tickets = ({ token, ticket, elsewhere }: Record<'token' | 'ticket' | 'elsewhere', string>): Record<string, Credential> => ({
  'a ticket': { query: { ticket }, ...says('UNAUTHENTICATED', 'UNAUTHENTICATED', 'in') },
  'a ticket beside what is no bearer': {
    query: { ticket },
    headers: { authorization: 'Basic cHJveHk6cHJveHk=' },
    ...says('UNAUTHENTICATED', 'UNAUTHENTICATED', 'in')
  },
  'a ticket beside a bad bearer': { query: { ticket }, ...bearer('garbage'), ...notOurs },
  'a ticket as a bearer': { ...bearer(ticket), ...notOurs },
  'a ticket of another terminal': { query: { ticket: elsewhere, terminalId: TERMINAL }, ...badTicket },
  'a ticket that nobody bought': { query: { ticket: randomBytes(32).toString('base64url') }, ...badTicket },
  'a user\'s token beside a bad ticket': { query: { ticket: 'x' }, ...bearer(token), ...says('in', 'BAD_SERVER_KEY') }
})

const keys = (token: string): Record<string, Credential> => ({
  'a user\'s token': { ...bearer(token), ...says('in', 'BAD_SERVER_KEY') },
  'a user\'s token, the scheme in small letters': { headers: { authorization: `bearer ${token}` }, ...says('in', 'BAD_SERVER_KEY') },
  'a server key': { ...bearer(SERVER_KEY), ...says('BAD_TOKEN', 'in') },
  'the server key before, in a rotation': { ...bearer(OLD_SERVER_KEY), ...says('BAD_TOKEN', 'in') },
  'a server key that is none any more': { ...bearer('retired-server-key-0123456789'), ...notOurs },
  'the half of a server key': { ...bearer(SERVER_KEY.slice(0, -1)), ...notOurs },
  'a server key in capitals': { ...bearer(SERVER_KEY.toUpperCase()), ...notOurs },
  'all server keys, as they are configured': { ...bearer(`${SERVER_KEY},${OLD_SERVER_KEY}`), ...notOurs },
  'a server key in place of a ticket': { query: { ticket: SERVER_KEY }, ...badTicket }
})

async function ticketOf ({ url }: Iris, token: string, terminalId = TERMINAL): Promise<string> {
  const answer = await done(fetch(`${url}/v1/down/tickets`, {
    method: 'POST',
    headers: { ...bearer(token).headers, 'content-type': 'application/json' },
    body: JSON.stringify({ terminalId })
  }))
  return (await answer.json() as { ticket: string }).ticket
}

async function done<T extends { status: number }> (answer: Promise<T>): Promise<T> {
  const made = await answer
  if (made.status !== 200) throw new Error(`a credential could not be made: ${made.status}`)
  return made
}
