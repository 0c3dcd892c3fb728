// The load generator of the comparison: one for each system, and the same for all of them but for what is written and how an answer looks.
import { serve } from './child.js'
import { createCounter, quantiles } from './load/counter.js'
import { openHttp } from './load/http.js'
import { type OpenLane, postAll, type Pace } from './load/posts.js'
import { createReceivers } from './load/receivers.js'
import { type Letter, type SystemName, wires } from './load/wires.js'

/** A run: messages from each sender in turn to each receiver in turn, or all to one group. */
export interface PeerRun extends Pace {
  senders: string[]
  receivers: string[]
  isGroup: boolean
  /** How many receivers each message reaches. */
  fanOut: number
  /** Messages go up the WebSockets of the receivers instead of by POST. */
  bySocket: boolean
}

/** So long deliveries are waited for while none comes. */
const LATE_MS = 5_000

const [name, portText = '', secret = ''] = process.argv.slice(2)
const port = Number(portText)
const wire = wires[name as SystemName](port, secret)
const counter = createCounter()
const receivers = createReceivers(port, wire, counter)
let runs = 0

const openPost: OpenLane<Letter> = async answered => {
  const socket = await openHttp(port, status => answered(status.startsWith('2')))
  return { send: letter => socket.send(wire.post(letter)), end: socket.end }
}

/** The text holds when it was made: its latency counts from then, whether or not there was a lane. */
function maker ({ senders, receivers, isGroup }: PeerRun): (n: number) => Letter {
  const run = ++runs
  return n => ({
    id: `r${process.pid}-${run}-${n}`,
    from: senders[n % senders.length] as string,
    to: receivers[n % receivers.length] as string,
    isGroup,
    text: `@${performance.now().toFixed(3)}@ see you at the station at ten`
  })
}

async function run (facts: PeerRun) {
  const before = process.cpuUsage()
  const closedBefore = receivers.ended()
  counter.reset()
  const began = performance.now()
  const openLane: OpenLane<Letter> = facts.bySocket ? async answered => receivers.openLane(answered) : openPost
  const { posted, refused, endedAt } = await postAll(openLane, facts, maker(facts))
  const expected = (posted - refused) * facts.fanOut
  await counter.received(expected, LATE_MS)
  const { messages, lastAt, latencies } = counter.counted
  const { user, system } = process.cpuUsage(before)
  return {
    posted,
    messages,
    /** Refused, not delivered (or delivered twice), and closed by the server. */
    lost: refused + Math.abs(expected - messages) + receivers.ended() - closedBefore,
    seconds: (Math.max(endedAt, lastAt) - began) / 1000,
    loadUs: user + system,
    max: latencies.reduce((most, ms) => Math.max(most, ms), 0),
    ...quantiles(latencies)
  }
}

const verbs = {
  run,

  attach: async ({ users, isSocket }: { users: string[], isSocket: boolean }): Promise<number> =>
    await receivers.attach(users, isSocket || wire.isSocketOnly),

  detach: receivers.detach
}

export type PeerLoadVerbs = typeof verbs
serve(verbs)
