// Case 8: all streams are cut at once and come back at once with their cursors, while others go on sending.
import { compared, startOthers } from '../others.js'
import { named, type Plan } from '../plan.js'
import { digits, type Row } from '../report.js'
import { throughput, type World } from './messages.js'

const SOCKETS = 16
const OTHERS = 100

/**
 * Measures once: a second storm would find everything compiled and cached, which a real one does not. So many connections at
 * once overflow the server's backlog: the kernel tries those again after 1 s and 3 s, as it would on a real client.
 */
export async function measureStorm ({ bench, plan: { storm }, base }: World): Promise<Row[]> {
  await bench.durability('disk')
  const iris = await bench.startIris()
  const users = named('storm', storm.streams)
  const others = await startOthers(iris, { count: OTHERS, rate: storm.rate })
  await iris.attach(users)
  await others.send(storm.calmSeconds)
  const calm = await others.send(storm.calmSeconds)

  await iris.load.ask('detach')
  // one message for each of the sample, while nobody reads
  await iris.run({ kind: 'direct', users: users.slice(0, storm.missed), fanOut: 0, sockets: SOCKETS, seconds: 1, rate: storm.missed })
  await iris.holds('sse', OTHERS)

  const sending = others.send()
  const { result, serverUs, redisUs } = await iris.costOf(() => iris.load.ask('resume', users))
  await others.finish()
  const stormy = await sending
  await iris.stop()
  const { seconds, recovered, messages, again, loadUs } = result
  check(storm, { recovered, messages })
  const each = (us: number) => us / storm.streams
  return [
    {
      what: `8. ${digits(storm.streams)} streams resume at once, resumes/s`,
      ...throughput([{ perSec: storm.streams / seconds, serverUs: each(serverUs), redisUs: each(redisUs) }], base)
    },
    { what: '   until all are live / that had to come again', value: `${seconds.toFixed(1)} s / ${again}` },
    { what: '   CPU of the load generator, each', value: `${digits(each(loadUs))} us` },
    {
      what: `   meanwhile messages at ${storm.rate}/s, POST to 200, p50 calm / storm`,
      value: compared(calm.answers.p50, stormy.answers.p50)
    },
    { what: '   the same, p99 calm / storm', value: compared(calm.answers.p99, stormy.answers.p99) }
  ]
}

/** A stream that did not recover, or a message that was missed, makes the bench worthless. */
function check ({ streams, missed }: Plan['storm'], { recovered, messages }: { recovered: number, messages: number }): void {
  if (recovered !== streams) throw new Error(`storm: ${recovered} of ${streams} streams recovered`)
  if (messages !== missed) throw new Error(`storm: ${messages} of ${missed} missed messages came with the resume`)
}
