// A token's times may be any number that a JWT library writes, and mean the same at every door. docs/protocol.md section 3.
import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import { SECRET, startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { openSse } from './helper/sse.js'
import { tokenOf } from './helper/token.js'
import { createUser } from './helper/user.js'
import { openWs } from './helper/ws.js'

const iris = await startIris(t)
const now = Math.floor(Date.now() / 1000)
const part = (text: string) => Buffer.from(text).toString('base64url')
let users = 0

/** A token whose claims are this text, beside `sub`: JSON.stringify would not write every number that JSON can. */
function signed (userId: string, claims: string): string {
  const text = `${part('{"alg":"HS256"}')}.${part(`{"sub":"${userId}",${claims}}`)}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

type Outcome = { status: number, code?: unknown }
interface Visitor { t: Test, userId: string, token: string }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

const stream = async (url: string, headers: Record<string, string> = {}): Promise<Outcome> => {
  const { status, body } = await fetch(url, { headers })
  const text = status === 200 ? '' : await new Response(body).text()
  if (status === 200) await body?.cancel()
  return { status, ...(text !== '' && { code: (JSON.parse(text) as { code: string }).code }) }
}
const poll = async (url: string, headers: Record<string, string> = {}): Promise<Outcome> => {
  const { status, body: { code } } = await pollOnce(url, { headers, query: { timeoutMs: '0' } })
  return { status, code }
}
const ws = async (t: Test, url: string, headers: Record<string, string> = {}): Promise<Outcome> => {
  try {
    const socket = await openWs(url, { headers })
    t.teardown(() => socket.socket.terminate())
    const { error } = await socket.up('GET_SYSTEM_TIME', {})
    return error ? { status: Number(error['status']), code: error.code } : { status: 200 }
  } catch (error) {
    const { status, body } = error as { status: number, body: { code: string } }
    return { status, code: body.code }
  }
}
const userOf = ({ t, userId, token }: Visitor) => createUser(t, { url: iris.url, userId, token })
const answered = ({ status, body: { code } }: { status: number, body: { code?: string } }): Outcome => ({ status, code })
async function byTicket (visitor: Visitor, open: (query: string) => Promise<Outcome>): Promise<Outcome> {
  const answer = await userOf(visitor).post('/v1/down/tickets', {})
  return answer.status === 200 ? await open(`ticket=${String(answer.body['ticket'])}`) : answered(answer)
}

const doors: Record<string, (visitor: Visitor) => Promise<Outcome>> = {
  POST: async visitor => answered(await userOf(visitor).time({})),
  SSE: ({ token }) => stream(`${iris.url}/v1/down/events`, bearer(token)),
  poll: ({ token }) => poll(`${iris.url}/v1/down/poll`, bearer(token)),
  WebSocket: ({ t, token }) => ws(t, `${iris.url}/v1/ws`, bearer(token)),
  'SSE by ticket': visitor => byTicket(visitor, query => stream(`${iris.url}/v1/down/events?${query}`)),
  'poll by ticket': visitor => byTicket(visitor, query => poll(`${iris.url}/v1/down/poll?${query}`)),
  'WebSocket by ticket': visitor => byTicket(visitor, query => ws(visitor.t, `${iris.url}/v1/ws?${query}`)),
  TOKEN: async visitor =>
    answered(await userOf({ ...visitor, token: await tokenOf(visitor.userId) }).post('/v1/up/token', { token: visitor.token })),
  'the TOKEN frame': async ({ t, userId, token }) => {
    const socket = await openWs(`${iris.url}/v1/ws`, { headers: bearer(await tokenOf(userId)) })
    t.teardown(() => socket.socket.terminate())
    const { error } = await socket.up('TOKEN', { token })
    if (!error && (await socket.up('GET_SYSTEM_TIME', {})).error) return { status: 0 }
    return error ? { status: Number(error['status']), code: error.code } : { status: 200 }
  }
}

const cases: [claims: string, code?: string][] = [
  ...[`${now + 3600}.123456`, '9999999999', '253402300800', '999999999999.999']
    .map(exp => [`"exp":${exp}`] as [string]),
  ...[`${now - 5}.987654`, `${now - 5}e0`, '0', '-1', '-1.5e3', '-1e300', '1e-320', `${now + 55}`]
    .map(iat => [`"exp":${now + 3600},"iat":${iat}`] as [string]),
  ...[`${now - 5}.5`, '0', '-1', '-1e300', `${now}`].map(nbf => [`"exp":${now + 3600},"nbf":${nbf}`] as [string]),
  ...['0', '-1', '-1e300', `${now - 60}.5`].map(exp => [`"exp":${exp}`, 'TOKEN_EXPIRED'] as [string, string]),
  ...['"9999999999"', 'true', 'null', '{}', '[9999999999]', '1e400', `${now + 3600}000`, '1e300']
    .map(exp => [`"exp":${exp}`, 'BAD_TOKEN'] as [string, string]),
  ...[
    '"1"', 'false', 'null', '[]', `${now + 180}`, `${now + 180}.5`, '9007199254740993', '9223372036854775808', '1e300', '1e400'
  ].flatMap(time =>
    ['iat', 'nbf'].map(claim => [`"exp":9e10,"${claim}":${time}`, 'BAD_TOKEN'] as [string, string]))
]

for (const [claims, code] of cases) {
  t.test(`[KICK-3] {${claims}} is ${code ?? 'welcome'} at every door`, async t => {
    await Promise.all(Object.entries(doors).map(async ([door, enter]) => {
      const userId = `odd-${++users}`
      t.match(await enter({ t, userId, token: signed(userId, claims) }),
        code === undefined ? { status: 200, code: undefined } : { status: 401, code }, door)
    }))
  })
}

t.test('a time in ms is none in seconds: it is refused by its name, whichever claim it stands in', async t => {
  for (const claim of ['exp', 'iat', 'nbf']) {
    for (const time of [`${now}000`, `${now}123.5`, '1e12', `${now}000000`, '9007199254740993', '1e300']) {
      const { status, body } = await userOf({ t, userId: 'ms', token: signed('ms', `"exp":${now + 3600},"${claim}":${time}`) }).time({})
      const detail = new RegExp(`^${claim} must be in seconds .*: that is a time in ms$`)
      t.match({ status, ...body }, { status: 401, code: 'BAD_TOKEN', detail })
    }
  }
})

t.test('times that come back are whole, and none is later than the year 9999', async t => {
  for (const [exp, expiresAt] of [['999999999999', 253_402_300_799_999], [`${now + 3600}.1234567`, (now + 3600) * 1000 + 123]] as const) {
    const opened = await openSse(`${iris.url}/v1/down/events`, { headers: bearer(signed('whole', `"exp":${exp}`)) })
    t.teardown(() => opened.cut())
    t.equal((await opened.next('IRIS.HELLO')).data.data?.['expiresAt'], expiresAt)
  }
})
