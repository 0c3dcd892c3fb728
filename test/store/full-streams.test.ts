// A full Redis and the way down: who was there stays, who resumes or begins anew is served, and everybody is told when there is room again.
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { fillable, noPrlimit } from '../helper/full.js'
import { startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import { openSse, type Stream } from '../helper/sse.js'
import { beforeTheSweep, granted, sendUntilStored, until } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const words = { memory: /^Redis is out of memory/, disk: /^Redis cannot write to its disk/ }

/**
 * Alice has sent bob what waits for him: read up to `cursor`, a message behind it,
 * a command, and a notice that leaves the box when it was shown.
 */
async function setTheStage (t: Test, path: string) {
  const lines: { msg: string, full?: string }[] = []
  const iris = await startIris(t, { redisPath: path, logs: { write: line => void lines.push(JSON.parse(line) as { msg: string }) } })
  const [alice, bob] = [await iris.user(t, 'alice'), await iris.user(t, 'bob')]
  const before = await bob.listen({ terminalId: 'b' })
  const { id: cursor = '' } = await before.next('IRIS.READY')
  await before.cut()
  await alice.send(bob, 'one')
  await alice.command({ clientCmdId: 'k', name: 'ring', to: { users: ['bob'] }, mode: 'reliable' })
  await iris.server('POST', 'notices', { noticeId: 'once', users: ['bob'], content: {}, needComplete: false })
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', {}))
  const stays = await alice.listen({ terminalId: 'a' })
  await stays.next('IRIS.READY')
  return { iris, lines, alice, bob, cursor, stays, ticket: String(ticket) }
}

const ready = async (url: string) => {
  const response = await fetch(`${url}/readyz`)
  return { status: response.status, detail: (await response.json() as { detail?: string }).detail }
}

/** The next message, also of one who is sent away and comes back as he is asked to. */
async function nextMessage (stream: Stream, again: (cursor: string | undefined) => Promise<Stream>) {
  return await stream.next('MSG_DOWN').catch(async () => await (await again(stream.cursor)).next('MSG_DOWN'))
}

for (const medium of ['memory', 'disk'] as const) {
  t.test(`[STORE-2] a full ${medium}: streams, polls and sockets resume and begin; ` +
    'the node says that it is full, and when it is not any more', { skip: medium === 'disk' && noPrlimit }, async t => {
    const redis = await fillable[medium](t)
    const { iris, lines, alice, bob, cursor, stays, ticket } = await setTheStage(t, redis.path)
    const bearer = { headers: { authorization: `Bearer ${bob.token}` } }
    const metric = async () => /^iris_store_full\{of="(\w+)"\} 1$/m
      .exec(await (await fetch(`${iris.url}/metrics`, { headers: { authorization: `Bearer ${iris.serverKey}` } })).text())?.[1]
    t.same([(await ready(iris.url)).status, await metric()], [200, undefined])
    await redis.fill()
    t.match(await until(async () => await ready(iris.url).then(found => found.status === 503 ? found : undefined)), {
      detail: words[medium]
    }, 'no command need meet it')
    t.equal(await metric(), medium)

    const resumed = await bob.listen({ terminalId: 'b', cursor })
    t.match((await resumed.next('IRIS.HELLO')).data, { data: { recovered: true, replay: 3 } })
    t.match((await resumed.next('MSG_DOWN')).data, { content: { text: 'one' } })
    await resumed.next('IRIS.READY')
    const fresh = await bob.listen({ terminalId: 'new' })
    t.match((await fresh.next('MSG_DOWN')).data, { source: 'mailbox', content: { text: 'one' } })
    for (const event of ['ring', 'IRIS.READY']) await fresh.next(event)
    const bought = await openSse(`${iris.url}/v1/down/events?ticket=${ticket}`)
    t.teardown(() => bought.cut())
    await bought.next('IRIS.READY')
    const { status, body } = await pollOnce(`${iris.url}/v1/down/poll?terminalId=p`, { ...bearer, cursor, query: { timeoutMs: '0' } })
    t.match({ status, body }, { status: 200, body: { recovered: true, ready: {} } })
    const socket = await openWs(`${iris.url}/v1/ws?terminalId=w&lastEventId=${cursor}`, bearer)
    t.teardown(() => socket.cut())
    await socket.next('IRIS.READY')
    t.match(await socket.up('MSG_UP', { clientMsgId: 'w', to: 'alice', type: 'text', content: { text: 'x' } }), {
      error: { code: 'STORE_FULL', status: 503, retryable: true }
    })
    const refused = await alice.send(bob, 'two')
    t.equal(refused.body.code, 'STORE_FULL')
    const details = new Set<string | undefined>()
    // by what a command hears, and by what the look of each second finds
    t.match(await alice.command({ clientCmdId: 'x', name: 'ring', to: { users: ['bob'] }, mode: 'reliable' }), {
      body: { code: 'STORE_FULL' }
    })
    for (const from = performance.now(); performance.now() - from < 1_200; await pause(50)) {
      details.add((await ready(iris.url)).detail?.replace(/\d+/g, 'n'))
    }
    t.equal(details.size, 1, `one trouble has one name: ${[...details].join('; ')}`)
    t.ok(Number(refused.headers.get('retry-after')) > 1)
    t.notOk(stays.isOver, 'who was there stays')

    await redis.empty()
    await sendUntilStored(alice, bob, 'two')
    const again = async (from: string | undefined) => await bob.listen({ terminalId: 'b', cursor: from })
    t.match((await beforeTheSweep(t, nextMessage(resumed, again)))?.data, { content: { text: 'two' } })
    await until(async () => (await ready(iris.url)).status === 200 || undefined)
    t.equal(await metric(), undefined)
    t.same(lines.filter(({ msg, full }) => full !== undefined || /room/.test(msg)).map(({ msg }) => msg.split(/[:(]/)[0]?.trim()),
      [medium === 'memory' ? 'Redis is out of memory' : 'Redis cannot write to its disk', 'Redis has room again'],
      'one line when it begins, one when it ends')
  })
}
