// Slow readers over real sockets: Redis is the buffer, this process is not. docs/protocol.md section 4, "Slow readers".
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { brokenIds, seqsOf, type Stream, upTo } from '../helper/sse.js'
import { dm, type User } from '../helper/user.js'

const KIB = 1024
// however long a loaded machine takes: who stalls here is not meant to be stuck
const iris = await startIris(t, {
  env: { IRIS_LIMIT_STUCK_SEC: '600', IRIS_LIMIT_CONTENT_BYTES: '400000', IRIS_LIMIT_BODY_BYTES: '500000' }
})
const sockets = new Set<Socket>()
iris.app.server.on('connection', (socket: Socket) => {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
})

/** The most that waits in one socket of the server, watched until `stop()`. */
function watchBacklog () {
  let worst = 0
  const timer = setInterval(() => { for (const socket of sockets) worst = Math.max(worst, socket.writableLength) }, 1)
  return { stop () { clearInterval(timer); return worst } }
}

/** Waits until the server's socket takes nothing more. */
async function stalled (stream: Stream): Promise<void> {
  for (let quiet = 0, bytes = -1; quiet < 5; quiet = bytes === stream.bytes ? quiet + 1 : 0) {
    bytes = stream.bytes
    await pause(20)
  }
}

async function meet (t: Test): Promise<[User, User, User]> {
  return [await iris.user(t), await iris.user(t), await iris.user(t)]
}

t.test('[SLOW-1] a stalled reader waits in Redis, loses nothing when he reads on, and costs others nothing', async t => {
  const [alice, bob, carol] = await meet(t)
  const stalling = await bob.listen({ terminalId: 'stalled' })
  const beside = await bob.listen({ terminalId: 'beside' })
  const other = await carol.listen()
  await Promise.all([stalling, beside, other].map(stream => stream.next('IRIS.READY')))
  const cursor = String(stalling.cursor)
  stalling.pause()
  const watch = watchBacklog()
  const size = 90_000
  const total = 200 // 18 MB: kernel and process together hold far less
  for (const i of upTo(total / 10)) await Promise.all(upTo(10).map(n => alice.send(bob, `${i}-${n}` + 'x'.repeat(size))))
  await alice.send(carol, 'hi')
  await other.next('MSG_DOWN')
  await beside.next(({ data }) => data['seq'] === total)
  t.same(seqsOf(beside.events, dm(alice, bob)), upTo(total), 'the other terminal of the same user has everything meanwhile')
  await stalled(stalling)
  t.ok(stalling.bytes < total * size / 2, `${stalling.bytes} bytes were read of ${total * size}`)
  stalling.resume()
  await stalling.next(({ data }) => data['seq'] === total)
  t.same(seqsOf(stalling.events, dm(alice, bob)), upTo(total))
  t.equal(brokenIds(stalling.events, cursor), undefined)
  const worst = watch.stop()
  t.ok(worst >= 256 * KIB, 'it was full')
  t.ok(worst < (256 + 32 + 96) * KIB, `${worst} bytes waited: 256 KiB, a write of 32 KiB and a frame`)
})

for (const way of ['replay', 'mailbox', 'history'] as const) {
  t.test(`[SLOW-1] the same when he stalls in his ${way}: no more than a chunk waits, and it goes on where it stood`, async t => {
    const [alice, bob] = await meet(t)
    const first = await bob.listen({ terminalId: 'first' })
    const { id: cursor = '' } = await first.next('IRIS.READY')
    await first.cut()
    const size = 45_000
    const total = 150 // below the 500 of a mailbox, and more than the kernel takes
    for (const i of upTo(total / 10)) await Promise.all(upTo(10).map(n => alice.send(bob, `${i}-${n}` + 'x'.repeat(size))))
    const watch = watchBacklog()
    if (way === 'history') await bob.read({ conversationId: dm(alice, bob), upToSeq: total })
    const stream = await bob.listen({ terminalId: 'slow', ...(way === 'replay' && { cursor }) })
    if (way === 'history') await stream.next('IRIS.READY')
    stream.pause()
    if (way === 'history') {
      for (let page = 0; page < 5; page++) {
        await bob.getReadMsg({
          conversationId: dm(alice, bob),
          fromSeq: 1 + page * 30,
          toSeq: 30 + page * 30,
          direction: 'newer',
          limit: 30,
          requestId: `r${page}`
        }, 'slow')
      }
    }
    await stalled(stream)
    stream.resume()
    if (way === 'history') for (let page = 0; page < 5; page++) await stream.next(({ data }) => data.data?.['requestId'] === `r${page}`)
    else await stream.next('IRIS.READY')
    t.same(seqsOf(stream.events, dm(alice, bob)), upTo(total))
    const worst = watch.stop()
    t.ok(worst < (256 + 16 * 46) * KIB, `${worst} bytes waited: 256 KiB and a chunk of 16 messages`)
  })
}

t.test('[SLOW-1] 10 stalled readers do not keep a message from the one who reads', async t => {
  const [alice, bob] = await meet(t)
  const crowd = await Promise.all(upTo(10).map(() => iris.user(t)))
  const id = `g.${alice.userId}`
  const { status } = await iris.server('PUT', `conversations/${id}`, {
    members: [alice, bob, ...crowd].map(({ userId }) => ({ userId, role: 'member' }))
  })
  t.equal(status, 200)
  const stuck = await Promise.all(crowd.map(user => user.listen()))
  await Promise.all(stuck.map(stream => stream.next('IRIS.READY')))
  for (const stream of stuck) stream.pause()
  const reading = await bob.listen()
  await reading.next('IRIS.READY')
  const total = 30
  for (const i of upTo(total)) await alice.send(id, `${i}` + 'x'.repeat(200_000))
  await reading.next(({ data }) => data['seq'] === total)
  t.same(seqsOf(reading.events, id), upTo(total))
  for (const stream of stuck) {
    stream.resume()
    await stream.next(({ data }) => data['seq'] === total)
    t.same(seqsOf(stream.events, id), upTo(total))
    await stream.cut()
  }
})

t.test('[SLOW-1] 40 stalled readers cost memory that is bounded, others nothing, and lose nothing when they read on', async t => {
  const [alice, bob] = await meet(t)
  const crowd = await Promise.all(upTo(40).map(() => iris.user(t)))
  const id = `g.${alice.userId}`
  await iris.server('PUT', `conversations/${id}`, { members: [alice, bob, ...crowd].map(({ userId }) => ({ userId, role: 'member' })) })
  const stuck = await Promise.all(crowd.map(user => user.listen()))
  const reading = await bob.listen()
  await Promise.all([reading, ...stuck].map(stream => stream.next('IRIS.READY')))
  for (const stream of stuck) stream.pause()
  const watch = watchBacklog()
  const size = 350_000
  const total = 14 // 5 MB each, 200 MB together
  for (const i of upTo(total)) {
    await alice.send(id, `${i}` + 'x'.repeat(size))
    await reading.next(({ data }) => data['seq'] === i)
  }
  const waiting = [...sockets].reduce((sum, socket) => sum + socket.writableLength, 0)
  const worst = watch.stop()
  t.ok(worst >= 256 * KIB && worst < (256 + 32) * KIB + 2 * size, `${worst} bytes waited in the fullest socket`)
  // resident memory would say the same with the noise of the readers and of garbage, which this process holds as well
  t.ok(waiting > 0 && waiting < 40 * (256 * KIB + 2 * size), `${waiting} of 200,000,000 bytes wait in this process`)
  for (const stream of stuck) {
    stream.resume()
    await stream.next(({ data }) => data['seq'] === total)
    t.same(seqsOf(stream.events, id), upTo(total))
    stream.events.length = 0 // this process holds the readers, too
    await stream.cut()
  }
})

t.test('[SLOW-1] what a full socket does not take is not kept in memory: the reader who drains it reads Redis', async t => {
  const [alice, bob] = await meet(t)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  stream.pause()
  const total = 50 // 17 MB, more than the kernel takes, and fewer entries than a feed may keep
  for (const i of upTo(total)) await alice.send(bob, `${i}` + 'x'.repeat(350_000))
  const reads = async () => Number(/cmdstat_xrange:calls=(\d+)/.exec(await iris.redis.info('commandstats'))?.[1])
  await stalled(stream)
  const before = await reads()
  stream.resume()
  await stream.next(({ data }) => data['seq'] === total)
  t.same(seqsOf(stream.events, dm(alice, bob)), upTo(total))
  t.ok(await reads() > before)
})
