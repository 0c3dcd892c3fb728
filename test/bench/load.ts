// The load generator's process: streams that count what comes down, and sockets that post. Node core only, no client library.
import { createHmac } from 'node:crypto'
import { serve } from './child.js'
import { postAll, type Pace } from './load/posts.js'
import { createStreams } from './load/streams.js'

/** A run: how long and how fast, by how many sockets, and what is posted. */
export interface Run extends Pace {
  kind: 'empty' | 'direct' | 'group'
  /** The senders; for `direct` each sends to his neighbour. */
  users: string[]
  conversationId?: string
  /** How many MSG_DOWN each message brings. */
  fanOut: number
}

/** How long late deliveries are waited for. */
const LATE_MS = 3_000

const [port = '', secret = ''] = process.argv.slice(2)
const streams = createStreams(Number(port), tokenOf)
const heads = new Map<string, string>()
let runs = 0

/** A token as an application's own service would sign it (RFC 7519, HS256). */
function tokenOf (userId: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: userId, iat: now, exp: now + 7200 })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

function request (path: string, userId: string, body: string): string {
  let head = heads.get(path + userId)
  if (head === undefined) {
    head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${tokenOf(userId)}\r\nContent-Type: application/json\r\nContent-Length: `
    heads.set(path + userId, head)
  }
  return `${head}${body.length}\r\n\r\n${body}`
}

/** @returns what makes the n-th request. The text holds when it was made, so that the stream can tell the latency. */
function maker ({ kind, users, conversationId }: Run): (n: number) => string {
  const run = ++runs
  if (kind === 'empty') return n => request('/v1/up/cmd/get-system-time', users[n % users.length] as string, '{"t0":1}')
  return n => {
    const at = n % users.length
    const target = conversationId === undefined ? `"to":"${users[at ^ 1]}"` : `"conversationId":"${conversationId}"`
    const text = `@${performance.now().toFixed(3)}@ see you at the station at ten`
    return request('/v1/up/msg', users[at] as string, `{"clientMsgId":"r${run}-${n}",${target},"type":"text","content":{"text":"${text}"}}`)
  }
}

async function run (facts: Run) {
  const { fanOut } = facts
  const began = performance.now()
  const before = process.cpuUsage()
  streams.reset()
  const { posted, refused, endedAt } = await postAll(Number(port), facts, maker(facts))
  const expected = (posted - refused) * fanOut
  await streams.received(expected, LATE_MS)
  const { messages, acks, lastAt, latencies } = streams.counted
  const { user, system } = process.cpuUsage(before)
  const seconds = (Math.max(endedAt, lastAt) - began) / 1000
  return { posted, refused, seconds, messages, acks, lost: expected - messages, latencies: quantiles(latencies), loadUs: user + system }
}

function quantiles (values: Float64Array): { p50: number, p99: number } {
  const sorted = values.toSorted()
  const at = (q: number) => sorted[Math.floor((sorted.length - 1) * q)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

const verbs = { attach: streams.attach, detach: streams.detach, run }

export type LoadVerbs = typeof verbs
serve(verbs)
