// The load generator's process: readers that count what comes down, and lanes that post. Node core only, no client library.
import { serve } from './child.js'
import { createCounter, quantiles } from './load/counter.js'
import { openHttp } from './load/http.js'
import { createPolls } from './load/polls.js'
import { type Command, type OpenLane, postAll, type Pace } from './load/posts.js'
import { type Pour, pourAll } from './load/pour.js'
import { createRequests } from './load/requests.js'
import { createStalled } from './load/stalled.js'
import { createStreams } from './load/streams.js'
import { createWebSockets } from './load/websockets.js'
import { createStallWatch } from './stalls.js'

/** By what users are attached. */
export type Transport = 'sse' | 'ws' | 'poll'

/** A run: how long and how fast, by how many sockets, and what is posted. */
export interface Run extends Pace {
  kind: 'empty' | 'direct' | 'group'
  /** The senders; for `direct` each sends to his neighbour. */
  users: string[]
  conversationId?: string
  /** How many MSG_DOWN each message brings. */
  fanOut: number
  /** Commands go up the senders' WebSockets instead of by POST. */
  byWebSocket?: boolean
  /** It is told which messages were late, and when this process stood still. */
  isWatched?: boolean
  /** Characters that fill the text of each message. */
  padding?: number
}

/** How long late deliveries are waited for. */
const LATE_MS = 3_000

const [portText = '', secret = ''] = process.argv.slice(2)
const port = Number(portText)
const requests = createRequests(port, secret)
const counter = createCounter()
const websockets = createWebSockets(port, requests, counter)
const streams = createStreams(port, requests, counter)
const readers = { sse: streams, ws: websockets, poll: createPolls(port, requests, counter) }
const stalled = createStalled(port, requests)
const stallWatch = createStallWatch('load generator')
let runs = 0
let pace: Pace | undefined

/** A keep-alive socket that posts. */
const openPost: OpenLane = async answered => {
  const socket = await openHttp(port, status => answered(status === '200'))
  return { send: ({ path, userId, body }) => socket.send(requests.post(path, userId, body)), end: socket.end }
}

/** @returns what makes the n-th command. The text holds when it was made, so that the reader can tell the latency. */
function maker ({ kind, users, conversationId, padding = 0 }: Run): (n: number) => Command {
  const run = ++runs
  const tail = 'x'.repeat(padding)
  if (kind === 'empty') return n => ({ path: '/v1/up/cmd/get-system-time', userId: users[n % users.length] as string, body: '{"t0":1}' })
  return n => {
    const at = n % users.length
    const target = conversationId === undefined ? `"to":"${users[at ^ 1]}"` : `"conversationId":"${conversationId}"`
    const text = `@${performance.now().toFixed(3)}@ see you at the station at ten${tail}`
    return {
      path: '/v1/up/msg',
      userId: users[at] as string,
      body: `{"clientMsgId":"r${process.pid}-${run}-${n}",${target},"type":"text","content":{"text":"${text}"}}`
    }
  }
}

async function run (facts: Run) {
  const { fanOut } = facts
  pace = facts
  const began = performance.now()
  const before = process.cpuUsage()
  counter.reset()
  if (facts.isWatched) stallWatch.start()
  const { posted, refused, endedAt, waits } = await postAll(facts.byWebSocket ? websockets.openLane : openPost, facts, maker(facts))
  const expected = (posted - refused) * fanOut
  await counter.received(expected, LATE_MS)
  const { messages, acks, lastAt, latencies } = counter.counted
  const seconds = (Math.max(endedAt, fanOut > 0 ? lastAt : 0) - began) / 1000
  return {
    posted,
    refused,
    seconds,
    messages,
    acks,
    lost: expected - messages,
    latencies: quantiles(latencies),
    answers: quantiles(waits),
    loadUs: usSince(before),
    ...(facts.isWatched &&
      { tail: { max: latencies.reduce((most, ms) => Math.max(most, ms), 0), late: [...counter.late], ...stallWatch.stop() } })
  }
}

/** More than the server can do, from each user to his neighbour. `lost`: done without an event; `phantoms`: events of what was refused. */
async function pour ({ users, ...facts }: Pour & { users: string[] }) {
  const before = process.cpuUsage()
  counter.reset()
  const make = maker({ kind: 'direct', users, fanOut: 1, ...facts })
  const poured = await pourAll(port, facts, n => {
    const { path, userId, body } = make(n)
    return requests.post(path, userId, body)
  })
  await counter.received(poured.done, LATE_MS)
  const { messages } = counter.counted
  return {
    ...poured,
    lost: Math.max(0, poured.done - messages),
    phantoms: Math.max(0, messages - poured.posted + poured.shed),
    loadUs: usSince(before)
  }
}

const usSince = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

const verbs = {
  run,
  pour,

  /** Ends the run that is under way. */
  finish: () => { if (pace) pace.seconds = 0 },

  attach: async ({ users, transport }: { users: string[], transport: Transport }) => await readers[transport].attach(users),
  detach: async () => { for (const { detach } of Object.values(readers)) await detach() },

  /** All users at once come back by SSE with their cursors. @returns how it went, and the messages that came with it. */
  async resume (users: string[]) {
    const before = process.cpuUsage()
    counter.reset()
    const resumed = await streams.resume(users)
    return { ...resumed, messages: counter.counted.messages, loadUs: usSince(before) }
  },

  stall: stalled.stall,
  unstall: stalled.unstall
}

export type LoadVerbs = typeof verbs
serve(verbs)
