// A user in tests: `alice.send(bob, 'hi')`, `alice.read(...)`, `(await alice.listen()).next('MSG_DOWN')`.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { openSse, type SseEvent, type Stream } from './sse.js'

/** What a command answered: the body is the result, or the problem. */
export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown> & { code?: string, seq?: number, conversationId?: string }
}

/** @returns an answer of which a step takes something. Throws where it is a refusal: what it lacks would be missed far behind it. */
export function granted<Any extends { status: number, body: object }> (answer: Any): Any {
  if (answer.status === 200) return answer
  throw new Error(`a step was answered ${answer.status} ${JSON.stringify(answer.body)}`)
}

interface Facts { url: string, userId: string, token: string }

/** Makes a user; streams that he opens are cut when the test ends. */
export function createUser (t: Test, { url, userId, token }: Facts) {
  async function post (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body)
    })
    return { status: response.status, headers: response.headers, body: await response.json() as Answer['body'] }
  }

  const up = (command: string) => (body: unknown, terminalId = 'default') =>
    post(`/v1/up/cmd/${command}`, body, { 'terminal-id': terminalId })

  return {
    userId,
    token,
    post,

    /** MSG_UP of a text, to a user or (by its id, which holds a dot) a conversation. */
    async send (to: string | { userId: string }, text: string, { clientMsgId = randomUUID(), terminalId = 'default', ...more }: {
      clientMsgId?: string
      terminalId?: string
      [member: string]: unknown
    } = {}): Promise<Answer> {
      const target = typeof to === 'string' ? { conversationId: to } : { to: to.userId }
      return await post('/v1/up/msg', { clientMsgId, ...target, type: 'text', content: { text }, ...more }, { 'terminal-id': terminalId })
    },
    /** MSG_UP as it stands; a text is sent as it is written. */
    msgUp: (body: unknown, terminalId = 'default') => post('/v1/up/msg', body, { 'terminal-id': terminalId }),
    read: up('read'),
    revoke: up('revoke'),
    getReadMsg: up('get-read-msg'),
    rest: up('rest-read-num-and-last-msg'),
    time: up('get-system-time'),
    command: up('iris-cmd-send'),
    cmdComplete: up('cmd-complete'),
    noticeComplete: up('notice-complete'),

    async conversations (query = ''): Promise<Answer> {
      const response = await fetch(`${url}/v1/conversations${query}`, { headers: { authorization: `Bearer ${token}` } })
      return { status: response.status, headers: response.headers, body: await response.json() as Answer['body'] }
    },

    /** Opens a stream of a terminal; with a cursor it resumes. */
    async listen ({ terminalId = 'default', platform = 'web', cursor, cutAfterBytes }: {
      terminalId?: string
      platform?: string
      cursor?: string | undefined
      cutAfterBytes?: number
    } = {}) {
      const stream = await openSse(`${url}/v1/down/events?terminalId=${terminalId}&platform=${platform}`, {
        headers: { authorization: `Bearer ${token}`, ...(cursor !== undefined && { 'last-event-id': cursor }) },
        ...(cutAfterBytes !== undefined && { cutAfterBytes })
      })
      t.teardown(() => stream.cut())
      return stream
    }
  }
}

export type User = ReturnType<typeof createUser>

/** Two, or three, of what `make` makes. */
export const two = async <T>(make: () => Promise<T>) => [await make(), await make()] as const
export const three = async <T>(make: () => Promise<T>) => [await make(), await make(), await make()] as const

/** The id of the direct conversation of two users, sorted by code unit. */
export const dm = (a: { userId: string }, b: { userId: string }) => 'dm.' + [a.userId, b.userId].sort().join('.')

/** What a stream said between two of its events, without blocks that only move the cursor. */
export function between (stream: Stream, first: SseEvent, last: SseEvent): SseEvent[] {
  return stream.events.slice(stream.events.indexOf(first) + 1, stream.events.indexOf(last)).filter(({ event }) => event !== undefined)
}

/** The pointers of a problem's broken rules. */
export const pointers = ({ body }: { body: Record<string, unknown> }) =>
  (body['errors'] as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer)

/** How long `until` asks: only a test that fails waits for so long, on the busiest machine. */
const UNTIL_MS = 20_000

/** Asks again until the answer is not undefined: soon at first, less often of what takes seconds. */
export async function until<T> (ask: () => Promise<T | undefined>): Promise<T> {
  const began = performance.now()
  for (let waited = 0; waited < UNTIL_MS; waited = performance.now() - began) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await pause(waited < 1_000 ? 25 : 75)
  }
  throw new Error('it never came true')
}

interface Server { server (method: string, path: string, body?: unknown): Promise<{ status: number }> }

/** Creates a group; the first user owns it. @returns its id. */
export async function groupOf ({ server }: Server, ...users: { userId: string }[]): Promise<string> {
  const id = `g.${randomUUID()}`
  const { status } = await server('PUT', `conversations/${id}`, {
    members: users.map(({ userId }, i) => ({ userId, role: i === 0 ? 'owner' : 'member' }))
  })
  if (status !== 200) throw new Error(`the group was refused: ${status}`)
  return id
}

/** What must not wait for the next sweep, which comes after 25 s: the bound is far from both. */
export async function beforeTheSweep<T> (t: Test, promise: Promise<T>): Promise<T | undefined> {
  const late = new AbortController()
  const found = await Promise.race([promise, pause(10_000, undefined, { signal: late.signal }).catch(() => undefined)])
  late.abort()
  t.not(found, undefined, 'it came before the sweep')
  promise.catch(() => undefined)
  return found
}

/**
 * Sends a text until it is stored, as any client does: a process that has only just started may be late with its first answers, on a
 * busy machine. @returns the answer that it is. Throws at an answer that no waiting changes.
 */
export async function sendUntilStored (
  from: User, to: string | { userId: string }, text: string, clientMsgId: string = randomUUID()
): Promise<Answer> {
  return await until(async () => {
    const answer = await from.send(to, text, { clientMsgId })
    const { status, body } = answer
    if (status === 200) return answer
    if (status !== 503 || body['retryable'] !== true) throw new Error(`${text} was answered ${status} ${body.code}`)
    return undefined
  })
}
