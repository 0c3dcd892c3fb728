// What a WebSocket's peer may cost: one who is too fast is not read for a while, and an answer has an end. [COST-1] [SLOW-2]
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { seqsOf, upTo } from '../helper/sse.js'
import { dm, until } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const KIB = 1024
// each test has an Iris of its own, and most of them wait
t.jobs = 2
type Iris = Awaited<ReturnType<typeof startIris>>

async function open (t: Test, iris: Iris, token: string) {
  const ws = await openWs(`${iris.url}/v1/ws`, { headers: { authorization: `Bearer ${token}` } })
  t.teardown(() => ws.cut())
  await ws.next('IRIS.READY')
  return ws
}

const ask = (up: string, body: object) => (i: number) => JSON.stringify({ up, requestId: `q-${i}`, body })

t.test('[COST-1] over the rate a socket is not read until Retry-After has passed, and ends with BYE 4205 when it goes on', {
  buffered: true
}, async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_UP_RATE: '20', IRIS_LIMIT_UP_BURST: '40' } })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const ws = await open(t, iris, alice.token)
  const answers: { status: number | undefined, code: string | undefined }[] = []
  ws.socket.on('message', data => {
    const { requestId, error } = JSON.parse((data as Buffer).toString()) as { requestId?: string, error?: { status: number, code: string } }
    if (requestId !== undefined) answers.push({ status: error?.status, code: error?.code })
  })
  const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await iris.redis.info('commandstats'))?.[1])
  const before = await scripts()
  const total = 5_000
  // known and unknown names alike
  for (const i of upTo(total)) ws.socket.send(ask(i % 2 ? 'GET_SYSTEM_TIME' : 'NO_SUCH', {})(i))
  await until(async () => answers.some(({ status }) => status === 429) || undefined)
  t.equal((await bob.time({})).status, 200, 'others are served meanwhile')
  await ws.next('IRIS.BYE')
  const { data } = ws.events.at(-1) ?? { data: {} }
  t.match(data.data, { code: 4205, reconnect: 'backoff' })
  t.ok(Number(data.data?.['retryAfterMs']) >= 5_000)
  await ws.ended
  t.equal(ws.closeCode, 4205)
  const refused = answers.filter(({ code }) => code === 'RATE_LIMITED').length
  t.ok(refused > 5 && refused <= 11 * 8, `${refused} of ${total} were refused, the rest was not read`)
  t.ok(await scripts() - before < 600, 'scripts of ten seconds at the rate')
})

t.test('[SLOW-2] an answer brings 1 MiB of messages at most, on every transport; all of them come by asking on', {
  buffered: true
}, async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_CONTENT_BYTES: '400000', IRIS_LIMIT_BODY_BYTES: '500000' } })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const conversationId = dm(alice, bob)
  const total = 8
  for (const i of upTo(total)) await alice.send(bob, `${i}` + 'x'.repeat(300_000))
  const ws = await open(t, iris, bob.token)
  const ways = {
    post: async (body: object) => (await bob.getReadMsg(body)).body,
    ws: async (body: object) => (await ws.up('GET_READ_MSG', body)).data ?? {}
  }
  for (const [name, get] of Object.entries(ways)) {
    for (const direction of ['older', 'newer']) {
      const seen: number[] = []
      for (let more = true, at = direction === 'newer' ? 1 : total; more;) {
        const page = await get({
          conversationId,
          direction,
          deliver: 'inline',
          limit: 100,
          ...(direction === 'newer' ? { fromSeq: at } : { toSeq: at })
        }) as { count: number, firstSeq: number, lastSeq: number, hasMore: boolean, messages: { seq: number }[] }
        t.ok(Buffer.byteLength(JSON.stringify(page)) <= 1_100 * KIB, `${name}, ${direction}`)
        const seqs = page.messages.map(({ seq }) => seq)
        t.same([page.count, page.firstSeq, page.lastSeq], [seqs.length, seqs[0], seqs.at(-1)])
        if (direction === 'newer') seen.push(...seqs)
        else seen.unshift(...seqs)
        more = page.hasMore
        at = direction === 'newer' ? page.lastSeq + 1 : page.firstSeq - 1
      }
      t.same(seen, upTo(total), `${name}, ${direction}: all of them, each once`)
    }
  }
  t.same(seqsOf(ws.events, conversationId), upTo(total), 'the mailbox')
})
