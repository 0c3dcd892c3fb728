// Case 3: a message to a large group, with all of its members attached and with none.
import type { Sample } from '../iris.js'
import { named } from '../plan.js'
import type { Row } from '../report.js'
import { throughput, type World } from './messages.js'

const SOCKETS = 16

/** Measures in alternation, with durability disk. */
export async function measureGroup ({ bench, plan: { members, groupRounds, seconds }, base }: World): Promise<Row[]> {
  const iris = await bench.startIris()
  const groups = { attached: named('a', members), away: named('b', members) }
  await bench.durability('disk')
  for (const [name, users] of Object.entries(groups)) await iris.group(`g.${name}`, users)
  await iris.attach(groups.attached)
  const send = (name: keyof typeof groups) => iris.run({
    kind: 'group',
    users: groups[name],
    conversationId: `g.${name}`,
    fanOut: name === 'attached' ? members - 1 : 0,
    sockets: SOCKETS,
    seconds
  })
  await send('attached')
  await send('away')

  const samples: Record<keyof typeof groups, Sample[]> = { attached: [], away: [] }
  for (let i = 0; i < groupRounds; i++) {
    samples.attached.push(await send('attached'))
    samples.away.push(await send('away'))
  }
  await iris.stop()
  return [
    { what: `3. group of ${members}, all attached, messages/s`, ...throughput(samples.attached, base) },
    { what: '   the same, by deliveries, deliveries/s', ...throughput(samples.attached.map(perDelivery), base) },
    { what: `3. group of ${members}, none attached, messages/s`, ...throughput(samples.away, base) }
  ]
}

/** The same sample by what was delivered instead of what was posted. */
function perDelivery ({ perSec, deliveriesPerSec, serverUs, redisUs }: Sample) {
  const fanOut = deliveriesPerSec / perSec
  return { perSec: deliveriesPerSec, serverUs: serverUs / fanOut, redisUs: redisUs / fanOut }
}
