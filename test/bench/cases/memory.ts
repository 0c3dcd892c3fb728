// Case 7: what Redis keeps, in bytes, by what its `used_memory` grows: of a message, of a member of a group, of an idle user.
import { randomUUID } from 'node:crypto'
import type { Bench } from '../bench.js'
import type { Iris } from '../iris.js'
import { named } from '../plan.js'
import type { Row } from '../report.js'
import type { World } from './messages.js'

/** So many are under way at once. */
const AT_ONCE = 32
const text = 'x'.repeat(40)

/** Measures one after the other, on an Iris of its own. */
export async function measureMemory ({ bench, plan: { memory: { pairs, each, users, members } } }: World): Promise<Row[]> {
  const iris = await bench.startIris()
  await bench.durability('memory')
  const direct = await directly(iris, pairs)
  await direct(2) // they know each other already
  const message = await grown(bench, async () => await direct(each)) / (pairs * each)

  const group = named('in-', members)
  await iris.group('g.memory', group)
  await iris.attach(group) // who was never there has no stream yet
  const post = async () => await iris.api('POST', 'messages', {
    from: group[0], conversationId: 'g.memory', clientMsgId: randomUUID(), type: 'text', content: { text }
  })
  await post()
  const member = await grown(bench, async () => { for (let i = 0; i < each; i++) await post() }) / (members * each)

  const user = await grown(bench, async () => await iris.attach(named('idle-', users))) / users
  await iris.stop()
  const bytes = (of: number) => `${Math.round(of)} bytes`
  return [
    { what: `7. in Redis, a 1:1 text of ${text.length} characters, of ${pairs * each} between ${pairs} pairs`, value: bytes(message) },
    { what: `   a message to a group, for each of ${members} members, of ${each}`, value: bytes(member) },
    { what: `   a user who is attached, of ${users}`, value: bytes(user) }
  ]
}

/** @returns by how much the work lets Redis grow, bytes; what its connections and its file hold for a moment is not counted. */
async function grown ({ redis }: Bench, work: () => Promise<unknown>): Promise<number> {
  async function used (): Promise<number> {
    const info = await redis.info('memory')
    const [all = 0, ...passing] = ['used_memory', 'mem_clients_normal', 'mem_aof_buffer']
      .map(name => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]))
    return passing.reduce((rest, bytes) => rest - bytes, all)
  }
  const before = await used()
  await work()
  return await used() - before
}

/** @returns `send(n)`: so many messages of each pair, in turn from either side. */
async function directly (iris: Iris, pairs: number) {
  const tokens = await Promise.all(named('memory-', 2 * pairs).map(async userId => ({ userId, token: await iris.token(userId) })))
  async function send (i: number): Promise<void> {
    const [from, to] = [tokens[i % (2 * pairs)], tokens[(i % (2 * pairs)) ^ 1]]
    const headers = { authorization: `Bearer ${from?.token}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ clientMsgId: randomUUID(), to: to?.userId, type: 'text', content: { text } })
    const response = await fetch(`${iris.url}/v1/up/msg`, { method: 'POST', headers, body })
    if (response.status !== 200) throw new Error(`a message was refused: ${await response.text()}`)
    await response.arrayBuffer()
  }
  return async (each: number): Promise<void> => {
    let next = 0
    const lane = async () => { while (next < each * pairs) await send(next++) }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
  }
}
