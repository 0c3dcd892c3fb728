// npm run bench -- --peers: the same work for Iris, nchan and Socket.IO, measure by measure, in turn within the same minutes.
import { setTimeout as pause } from 'node:timers/promises'
import type { Bench } from '../bench.js'
import { startChild } from '../child.js'
import type { SystemName } from '../load/wires.js'
import type { PeerLoadVerbs, PeerRun } from '../peer-load.js'
import { cpuOf, machineCpu, rssOf, stopAll } from '../peers/processes.js'
import { systems } from '../peers/systems.js'
import { named, type Plan } from '../plan.js'
import { type Figure, type Figures, peersTable } from '../peers/report.js'

type Peers = Plan['peers']
/** A system that runs, and its load generator. */
type Subject = Awaited<ReturnType<typeof start>>

/** What is measured: `prepare` once, then `once` in each round. Each user name is used in one measure only: peers replay. */
export interface Measure {
  title: string
  /** What its rate and its CPU are counted by. */
  unit: string
  /** Who can do it; all, unless it says so. */
  without?: SystemName
  rounds: number
  /** The figure that stands among the first rows. */
  inShort?: Figure
  prepare (subject: Subject): Promise<unknown>
  once (subject: Subject, round: number): Promise<Figures>
}

const RESTS_MS = 3_000

/** Measures what is wanted. @returns the tables, and why a peer is not among them. */
export async function measurePeers (bench: Bench, { peers }: Plan, only: string[] | undefined): Promise<string> {
  await bench.durability('memory') // as the peers: nothing waits for the disk
  const absent = new Map<SystemName, string>()
  const results = new Map<Measure, Map<SystemName, Figures[]>>()
  for (const [name, measure] of Object.entries(measuresOf(peers))) {
    if (!only || only.includes(name)) results.set(measure, await compare(bench, measure, absent).finally(stopAll))
  }
  return peersTable(results) + [...absent].map(([name, why]) => `\n${name} was not measured: ${why}\n`).join('')
}

async function compare (bench: Bench, measure: Measure, absent: Map<SystemName, string>): Promise<Map<SystemName, Figures[]>> {
  const subjects: Subject[] = []
  for (const name of Object.keys(systems) as SystemName[]) {
    if (measure.without === name || absent.has(name)) continue
    try {
      subjects.push(await start(bench, name))
    } catch (error) {
      if (name === 'Iris') throw error
      absent.set(name, error instanceof Error ? error.message : String(error))
    }
  }
  const figures = new Map(subjects.map(({ name }): [SystemName, Figures[]] => [name, []]))
  for (const subject of subjects) await measure.prepare(subject)
  for (let round = 0; round < measure.rounds; round++) {
    for (const subject of subjects) figures.get(subject.name)?.push(await measure.once(subject, round))
  }
  for (const { stop } of subjects) await stop()
  const lost = figures.get('Iris')?.reduce((sum, { lost }) => sum + lost, 0) ?? 0
  if (lost > 0) throw new Error(`${measure.title}: Iris has lost or refused ${lost}`)
  return figures
}

async function start (bench: Bench, name: SystemName) {
  const system = await systems[name](bench)
  const load = await startChild<PeerLoadVerbs>('peer-load.js', { args: [name, String(system.port), system.secret] })
  return { name, system, load, stop: async () => { await load.stop(); await system.stop() } }
}

/** Does something. @returns what it came to, and the us of CPU that servers and Redis took, and the part of the machine that others had. */
async function costOf<T> ({ system, load }: Subject, work: () => Promise<T>) {
  const own = [process.pid, load.pid]
  const look = () => ({ server: cpuOf(system.servers), redis: cpuOf(system.redis), own: cpuOf(own), machine: machineCpu() })
  const before = look()
  const result = await work()
  const after = look()
  const [serverUs, redisUs] = [after.server - before.server, after.redis - before.redis]
  const rest = after.machine.busy - before.machine.busy - serverUs - redisUs - after.own + before.own
  return { result, serverUs, redisUs, others: rest / (after.machine.all - before.machine.all) }
}

/** One run of load, by what is counted: messages, or deliveries in a group. */
async function run (subject: Subject, facts: PeerRun): Promise<Figures> {
  const { result, serverUs, redisUs, others } = await costOf(subject, () => subject.load.ask('run', facts))
  const { messages, seconds, loadUs, p50, p99, max, lost } = result
  const each = (us: number) => us / messages
  return { rate: messages / seconds, p50, p99, max, serverUs: each(serverUs), redisUs: each(redisUs), loadUs: each(loadUs), others, lost }
}

async function attach (subject: Subject, users: string[], isSocket = false): Promise<Figures> {
  const { result: seconds, serverUs, redisUs, others } = await costOf(subject, () => subject.load.ask('attach', { users, isSocket }))
  return { rate: users.length / seconds, serverUs: serverUs / users.length, redisUs: redisUs / users.length, others, lost: 0 }
}

/** One to one: twice as many senders as receivers, none of whom listens. */
function pairOf (prefix: string, { streams, sockets, seconds, warmup }: Peers) {
  const [senders, receivers] = [named(`${prefix}p`, 2 * streams), named(`${prefix}s`, streams)]
  const facts = { senders, receivers, isGroup: false, fanOut: 1, bySocket: false, sockets }
  return {
    facts,
    prepare: async (subject: Subject) => {
      await attach(subject, facts.receivers)
      await run(subject, { ...facts, seconds: warmup })
    },
    once: (subject: Subject) => run(subject, { ...facts, seconds })
  }
}

function groupOf ({ members, groupMessages, sockets }: Peers) {
  const users = named('gm', members)
  const facts = { senders: users, receivers: ['g.bench'], isGroup: true, bySocket: false, sockets: sockets / 4, seconds: 60 }
  // to the terminal that sent it Iris says so in its answer only
  const fanOutOf = ({ name }: Subject) => name === 'Iris' ? members - 1 : members
  const post = (subject: Subject, count: number) => run(subject, { ...facts, fanOut: fanOutOf(subject), count })
  return {
    async prepare (subject: Subject) {
      await subject.system.makeGroup('g.bench', users)
      // a group is one channel of nchan, one room of Socket.IO
      await attach(subject, subject.name === 'Iris' ? users : users.map(() => 'g.bench'))
      await post(subject, groupMessages / 2)
    },
    once: (subject: Subject) => post(subject, groupMessages)
  }
}

function measuresOf (peers: Peers): Record<string, Measure> {
  const { rounds, streams, sockets, members, attaches, idle, open, seconds, warmup } = peers
  const pair = pairOf('pair', peers)
  const paced = pairOf('open', { ...peers, sockets: 4 * sockets })
  const talkers = named('ws', streams)
  const neighbours = talkers.map((_, i) => talkers[i ^ 1] ?? 'ws0')
  const talk = { senders: talkers, receivers: neighbours, isGroup: false, fanOut: 1, bySocket: true, sockets }
  return {
    pair: {
      title: `1:1, POST up, SSE down, ${streams} streams, ${sockets} senders at a time`,
      unit: 'message',
      inShort: 'rate',
      rounds,
      ...pair
    },
    ws: {
      title: `1:1, WebSocket up and down, ${streams} sockets, ${sockets} messages at a time`,
      unit: 'message',
      without: 'nchan',
      rounds,
      async prepare (subject) {
        await attach(subject, talkers, true)
        await run(subject, { ...talk, seconds: warmup })
      },
      once: subject => run(subject, { ...talk, seconds })
    },
    group: { title: `a group of ${members}, all attached`, unit: 'delivery', inShort: 'rate', rounds, ...groupOf(peers) },
    open: {
      title: `1:1 as above at ${open.rate} messages/s, ${open.seconds} s after ${open.warmup} s`,
      unit: 'message',
      inShort: 'p99',
      rounds: 1,
      async prepare (subject) {
        await attach(subject, paced.facts.receivers)
        await run(subject, { ...paced.facts, rate: open.rate, seconds: open.warmup })
      },
      once: subject => run(subject, { ...paced.facts, rate: open.rate, seconds: open.seconds })
    },
    attach: {
      title: `${attaches} fresh streams, 200 at a time`,
      unit: 'stream',
      rounds,
      prepare: async () => undefined,
      async once (subject, round) {
        const figures = await attach(subject, named(`at${round}-`, attaches))
        await subject.load.ask('detach')
        return figures
      }
    },
    idle: {
      title: `${idle} idle streams`,
      unit: 'stream',
      inShort: 'kib',
      rounds: 1,
      prepare: async () => undefined,
      async once (subject) {
        const before = rssOf(subject.system.servers)
        await attach(subject, named('idle', idle))
        await pause(RESTS_MS)
        return { kib: (rssOf(subject.system.servers) - before) / 1024 / idle, lost: 0 }
      }
    }
  }
}

/** Their names, for `--only`. */
export const peerMeasures = ['pair', 'ws', 'group', 'open', 'attach', 'idle']
