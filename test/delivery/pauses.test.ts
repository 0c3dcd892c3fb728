// Live delivery while the processes stand still for most of the time, as on a machine that has no CPU left:
// late, not never, and no reader asks Redis for himself. [DOWN-2]
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { openCrowd } from '../helper/crowd.js'
import { startIris } from '../helper/iris.js'
import { startSharedRedis } from '../helper/process.js'
import { groupOf, sendUntilStored, until } from '../helper/user.js'

const READERS = 60
/** Longer than a body may be printed without a word that it is true. */
const PAUSE_MS = 900
const RUN_MS = 100

const { path, pid, start } = await startSharedRedis(t)
const here = await startIris(t, { env: { IRIS_NODE_ID: 'here' }, redisPath: path })
const there = await start(t, { IRIS_NODE_ID: 'there' })
const processes = [pid, there.child.pid as number] as const
const [redis, node] = processes
const writer = await there.user('writer')
const userIds = Array.from({ length: READERS }, (_, i) => `reader${i}`)
const members = await openCrowd(there.url, userIds)
const group = await groupOf(here, writer, ...userIds.map(userId => ({ userId })))
const haveAll = (upTo: number) => members.every(({ seqs }) => seqs.at(-1) === upTo)
t.teardown(() => {
  for (const process of processes) signal(process, 'SIGCONT') // whatever has failed
  for (const member of members) member.leave()
})

// what a first message makes is made
await writer.send(group, 'first')
await until(async () => haveAll(1) || undefined)

function signal (process: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try { globalThis.process.kill(process, name) } catch { /* it has ended */ }
}

/** How many reads of streams and of bodies there were. */
async function reads (): Promise<number> {
  const stats = await here.redis.info('commandstats')
  return ['xrange', 'hget', 'hmget'].reduce((sum, name) =>
    sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0), 0)
}

t.test('[DOWN-2] what was published while a node stood still: all its readers have it, and none of them asks Redis', async t => {
  const before = await reads()
  for (const i of [2, 3]) {
    signal(node, 'SIGSTOP')
    await pause(PAUSE_MS)
    const sender = { ...writer, ...await here.user(t, 'writer') }
    t.equal((await sender.send(group, `${i}`)).status, 200)
    signal(node, 'SIGCONT')
    await until(async () => haveAll(i) || undefined)
  }
  const asked = await reads() - before
  t.ok(asked < READERS, `${asked} reads for 2 messages`)
})

t.test('[DOWN-2] neither Redis nor the node ever runs while the other does: the group has its messages late, not never', async t => {
  const before = await reads()
  signal(redis, 'SIGSTOP')
  const sent = sendUntilStored(writer, group, '4', 'four')
  for (let i = 0; i < 10 && !haveAll(4); i++) {
    await pause(RUN_MS)
    signal(node, 'SIGSTOP')
    await pause(PAUSE_MS - 3 * RUN_MS)
    signal(redis, 'SIGCONT')
    await pause(RUN_MS)
    signal(redis, 'SIGSTOP')
    await pause(2 * RUN_MS)
    signal(node, 'SIGCONT')
  }
  t.ok(haveAll(4))
  signal(redis, 'SIGCONT')
  await sent
  await until(async () => haveAll(4) || undefined)
  const asked = await reads() - before
  t.ok(asked < READERS, `${asked} reads for a message`)
  t.strictSame(members.flatMap(({ byes }) => byes), [])
})
