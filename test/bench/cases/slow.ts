// Case 9: readers that stop reading while megabytes wait for each of them: what it costs the server, and the others. [SLOW-1]
import type { Iris } from '../iris.js'
import type { Unstalled } from '../load/stalled.js'
import { compared, startOthers } from '../others.js'
import { named, type Plan } from '../plan.js'
import type { Row } from '../report.js'
import type { World } from './messages.js'

const SOCKETS = 16
const OTHERS = 100
/** Fills a message's content up to the limit of 16 KiB. */
const PADDING = 16_000
const MB = 1024 * 1024
/** The sender reads nothing either: he is no member who is waited for. */
const SENDER = 'loud'

type Slow = Plan['slow']

/**
 * The same load twice: a group whose members are all away, then one whose members have all stopped reading. The first one
 * shows what the load itself costs, in memory and in latency, so the second one shows what the stalled readers cost.
 */
export async function measureSlow ({ bench, plan: { slow } }: World): Promise<Row[]> {
  await bench.durability('disk')
  const iris = await bench.startIris()
  const [away, stalled] = [named('away', slow.readers), named('stalled', slow.readers)]
  await iris.group('g.away', [SENDER, ...away])
  await iris.group('g.stalled', [SENDER, ...stalled])
  const others = await startOthers(iris, { count: OTHERS, rate: slow.rate })
  const load = async (conversationId: string) => {
    await post(iris, conversationId, { messages: slow.filling })
    const [sample] = await Promise.all([others.send(slow.seconds), post(iris, conversationId, { messages: slow.messages, seconds: slow.seconds })])
    return sample
  }
  const without = await load('g.away')
  const before = await iris.server.ask('memory')
  await iris.load.ask('stall', stalled)
  await iris.server.ask('watchRss')
  const beside = await load('g.stalled')
  const peak = await iris.server.ask('peakRss')
  const after = await iris.server.ask('memory')
  const expected = slow.filling + slow.messages
  const back = await iris.load.ask('unstall', { users: stalled.slice(0, slow.sample), expected })
  await iris.stop()
  check(slow, back, expected)
  const waiting = (expected * PADDING / MB).toFixed(0)
  const growth = (rss: number) => `${((rss - before.rss) / MB).toFixed(0)} MB`
  return [
    { what: `9. ${slow.readers} stalled readers, ${waiting} MB for each: RSS at most / settled`, value: `${growth(peak)} / ${growth(after.rss)}` },
    { what: `   others at ${slow.rate}/s, POST to event, p50 without / with them`, value: compared(without.p50, beside.p50) },
    { what: '   the same, p99 without / with them', value: compared(without.p99, beside.p99) },
    { what: `   ${slow.sample} of them read on: events lost / RESET / BYE`, value: `${back.gaps} / ${back.resets} / ${back.goodbyes}` }
  ]
}

/** Posts so many messages to a group that nobody reads, evenly over so many seconds, or at once. */
async function post (iris: Iris, conversationId: string, { messages, seconds = 1 }: { messages: number, seconds?: number }): Promise<void> {
  await iris.run({ kind: 'group', users: [SENDER], conversationId, fanOut: 0, sockets: SOCKETS, seconds, rate: messages / seconds, padding: PADDING })
}

/** Readers that read on have all messages, or an honest RESET. */
function check ({ sample }: Slow, { messages, gaps, resets }: Unstalled, expected: number): void {
  if (gaps > 0 || (resets === 0 && messages !== sample * expected)) throw new Error(`slow: ${messages} of ${sample * expected} messages, ${gaps} gaps, ${resets} RESETs`)
}
