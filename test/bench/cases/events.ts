// Case 13: what it costs a message that a back end is told of it. docs/protocol.md section 8.
import { defaultKinds, eventKinds } from '../../../src/protocol/server-events.js'
import type { Iris, Sample } from '../iris.js'
import { named, SOCKETS } from '../plan.js'
import type { Row } from '../report.js'
import { throughput, type World } from './messages.js'

/** What `IRIS_EVENTS` says: nothing, all but `message.sent` and `message.read`, everything. */
const variants = { none: 'none', default: defaultKinds.join(','), all: eventKinds.join(',') }
type Name = keyof typeof variants
const names = Object.keys(variants) as Name[]
/** Each message to a group looks for all of its members. */
const GROUP_SOCKETS = 8

/** A node, who chats by it, and a group of which nobody is there. */
interface Node { iris: Iris, users: string[], group: { conversationId: string, users: string[] } }

/** Measures in alternation, with durability disk: a node for each on one Redis. */
export async function measureEvents ({ bench, plan, base }: World): Promise<Row[]> {
  await bench.durability('disk')
  const nodes = new Map<Name, Node>()
  for (const name of names) {
    const iris = await bench.startIris({ IRIS_EVENTS: variants[name] })
    const [users, away] = [named(`e-${name}-`, Math.ceil(plan.users / names.length)), named(`f-${name}-`, plan.members)]
    await iris.attach(users)
    await iris.group(`g.events-${name}`, away)
    nodes.set(name, { iris, users, group: { conversationId: `g.events-${name}`, users: away } })
  }
  const direct = async ({ iris, users }: Node, seconds: number) =>
    await iris.run({ kind: 'direct', users, fanOut: 1, sockets: SOCKETS, seconds })
  const away = async ({ iris, group }: Node, seconds: number) =>
    await iris.run({ kind: 'group', ...group, fanOut: 0, sockets: GROUP_SOCKETS, seconds })

  const samples = new Map<string, Sample[]>()
  for (const [kind, run] of [['direct', direct], ['away', away]] as const) {
    for (const node of nodes.values()) await run(node, plan.warmup)
    for (let i = 0; i < plan.groupRounds; i++) {
      for (const [name, node] of nodes) {
        const key = `${kind} ${name}`
        samples.set(key, [...samples.get(key) ?? [], await run(node, plan.seconds)])
      }
    }
  }
  for (const { iris } of nodes.values()) await iris.stop()
  const rowsOf = (kind: string, what: string) => names.map(name => ({
    what: `${name === 'none' ? `13. ${what}` : '    the same'}, IRIS_EVENTS ${name}`,
    ...throughput(samples.get(`${kind} ${name}`) ?? [], base)
  }))
  return [...rowsOf('direct', '1:1 messages/s'), ...rowsOf('away', `group of ${plan.members}, none attached, messages/s`)]
}
