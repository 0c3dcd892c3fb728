// Case 9: readers that stop reading while megabytes wait for each of them: what it costs the server, and the others. [SLOW-1]
import type { Iris, Sample } from '../iris.js'
import type { Unstalled } from '../load/stalled.js'
import { compared, startOthers } from '../others.js'
import { named, type Plan } from '../plan.js'
import { digits, type Row, summary } from '../report.js'
import type { World } from './messages.js'

const SOCKETS = 16
const OTHERS = 100
/** Fills a message's content up to the limit of 16 KiB. */
const PADDING = 16_000
const MB = 1024 * 1024
/** The sender reads nothing either: he is no member who is waited for. */
const SENDER = 'loud'

/**
 * The same load on a group whose members are all away, then on one whose members have all stopped reading, then on the first
 * one again: it shows what the load itself costs, in memory and in latency, so the other one shows what stalled readers cost.
 */
export async function measureSlow ({ bench, plan: { slow } }: World): Promise<Row[]> {
  await bench.durability('disk')
  const iris = await bench.startIris()
  const [away, stalled] = [named('away', slow.readers), named('stalled', slow.readers)]
  await iris.group('g.away', [SENDER, ...away])
  await iris.group('g.stalled', [SENDER, ...stalled])
  const others = await startOthers(iris, { count: OTHERS, rate: slow.rate })
  const load = async (conversationId: string, stalled: string[] = []) => {
    const before = await iris.server.ask('memory')
    await iris.load.ask('stall', stalled)
    await iris.server.ask('watchRss')
    const [filling] = await Promise.all([others.send(slow.filling), post(iris, conversationId, slow)])
    await iris.rests()
    const filled = await others.send(slow.seconds)
    const peak = await iris.server.ask('peakRss')
    const after = await iris.server.ask('memory')
    return { filling, filled, peak: peak - before.rss, settled: after.rss - before.rss }
  }
  await others.send(slow.seconds)
  const without = [await load('g.away')]
  const beside = await load('g.stalled', stalled)
  const early = await readOn(iris, stalled.slice(0, slow.early), slow.messages)
  if (slow.late > 0) await iris.holds('sse', OTHERS) // the server cuts off who has read nothing for 15 s
  const late = await readOn(iris, stalled.slice(slow.readers - slow.late), slow.messages)
  without.push(await load('g.away'))
  await iris.stop()
  const waiting = (slow.messages * PADDING / MB).toFixed(0)
  const growth = (of: 'peak' | 'settled') =>
    `${Math.round(Math.max(...without.map(sample => sample[of])) / MB)} / ${Math.round(beside[of] / MB)} MB`
  return [
    { what: `9. the same load without / with ${slow.readers} stalled readers, ${waiting} MB for each`, value: '' },
    { what: '   growth of RSS at most', value: growth('peak') },
    { what: '   the same, settled', value: growth('settled') },
    { what: `   others at ${slow.rate}/s, POST to event`, value: '' },
    ...latencies('while they fill', without.map(({ filling }) => filling), beside.filling),
    ...latencies('when they are full', without.map(({ filled }) => filled), beside.filled),
    { what: `   ${slow.early} of them read on at once: lost / RESET / BYE`, value: `${early.gaps} / ${early.resets} / ${early.goodbyes}` },
    { what: `   ${slow.late} when they have been cut off: lost / RESET / BYE`, value: `${late.gaps} / ${late.resets} / ${late.goodbyes}` }
  ]
}

function latencies (when: string, without: Sample[], beside: Sample): Row[] {
  const of = (key: 'p50' | 'p99' | 'serverUs' | 'redisUs') => summary(without, key)
  const cpu = (key: 'serverUs' | 'redisUs') => `${digits(of(key).median)} / ${digits(beside[key])}`
  return [
    {
      what: `   ${when}, p50`,
      value: compared(of('p50').median, beside.p50),
      spread: of('p50').spread,
      serverUs: cpu('serverUs'),
      redisUs: cpu('redisUs')
    },
    { what: '   the same, p99', value: compared(of('p99').median, beside.p99), spread: of('p99').spread }
  ]
}

/** Posts 16 KiB messages to a group that nobody reads, evenly over the time of filling. */
async function post (iris: Iris, conversationId: string, { messages, filling }: Plan['slow']): Promise<void> {
  await iris.run({
    kind: 'group',
    users: [SENDER],
    conversationId,
    fanOut: 0,
    sockets: SOCKETS,
    seconds: filling,
    rate: messages / filling,
    padding: PADDING
  })
}

/** Lets some read until they have all messages, or an honest RESET; else the bench is worthless: it throws. */
async function readOn (iris: Iris, users: string[], expected: number): Promise<Unstalled> {
  const result = await iris.load.ask('unstall', { users, expected })
  const { messages, gaps, resets } = result
  if (gaps > 0 || (resets === 0 && messages !== users.length * expected)) {
    throw new Error(`slow: ${messages} of ${users.length * expected} messages, ${gaps} gaps, ${resets} RESETs`)
  }
  return result
}
