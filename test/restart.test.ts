// A restart under five thousand streams: they come back, commands go on, and nobody misses anything. PROTOCOL.md section 4, "Goodbye".
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { type Member, openCrowd } from './helper/crowd.js'
import { freePort, startSharedRedis } from './helper/process.js'
import { upTo } from './helper/sse.js'
import { groupOf, until, type User } from './helper/user.js'

const [STREAMS, GROUP] = [5_000, 200]
/** The bound of the product's promise, s; it takes about a third of that on two cores. */
const BACK_SEC = 20
const LIMIT_ATTACHES = 32
const PAUSE_MS = 50

/** Sends to a group again and again, each message until it is answered, as a client does; `stop()` resolves with how many there were. */
function chatter (user: User, group: string) {
  const over = new AbortController()
  const refusals: number[] = []
  const running = (async () => {
    let sent = 0
    for (; !over.signal.aborted; sent++) {
      const clientMsgId = randomUUID()
      while ((await attempt(user, group, clientMsgId, refusals)) !== 200) await delay(PAUSE_MS)
      await delay(PAUSE_MS)
    }
    return sent
  })()
  return {
    /** What the server answered instead of an ACK. A connection that was refused or broke is no answer. */
    refusals,
    async stop (): Promise<number> {
      over.abort()
      return await running
    }
  }
}

async function attempt (user: User, group: string, clientMsgId: string, refusals: number[]): Promise<number | undefined> {
  const status = await user.send(group, 'chatter', { clientMsgId }).then(answer => answer.status, () => undefined)
  if (status !== undefined && status !== 200) refusals.push(status)
  return status
}

/** Watches a gauge of the metrics until `isOver()`. @returns its highest value. */
async function highest (url: string, gauge: string, isOver: () => boolean): Promise<number> {
  let most = 0
  while (!isOver()) {
    const page = await (await fetch(`${url}/metrics`)).text()
    most = Math.max(most, Number(new RegExp(`^${gauge} (\\d+)$`, 'm').exec(page)?.[1]))
    await delay(50)
  }
  return most
}

t.setTimeout(110_000)
t.test(`[ATTACH-3] [POLL-1] ${STREAMS} streams come back after a restart within ${BACK_SEC} s, commands go on, and nobody misses anything`, async t => {
  const { start } = await startSharedRedis(t)
  const env = { IRIS_PORT: String(await freePort()), IRIS_DRAIN_SEC: '2', IRIS_METRICS: 'open', IRIS_LIMIT_ATTACHES: String(LIMIT_ATTACHES) }
  const first = await start(t, env)
  const crowd: Member[] = await openCrowd(first.url, upTo(STREAMS).map(n => `u${n}`))
  t.teardown(() => { for (const member of crowd) member.leave() })
  const speaker = await first.user('speaker')
  const group = await groupOf(first, speaker, ...upTo(GROUP).map(n => ({ userId: `u${n}` })))
  const talk = chatter(speaker, group)

  first.child.kill('SIGTERM')
  t.same(await first.exited, [0, null])
  t.equal(crowd.filter(({ isLive }) => isLive).length, 0)
  const second = await start(t, env)
  const began = performance.now()
  let isBack = false
  const back = Promise.all(crowd.map(member => member.live())).then(() => { isBack = true })
  const attaching = await highest(second.url, 'iris_attaches_under_way', () => isBack)
  await back
  const seconds = (performance.now() - began) / 1000
  const sent = await talk.stop()

  t.comment(`${STREAMS} streams were back after ${seconds.toFixed(1)} s; ${sent} messages to ${GROUP} meanwhile, at most ${attaching} attaches at once`)
  t.ok(seconds < BACK_SEC, `${seconds.toFixed(1)} s`)
  t.ok(attaching > 0 && attaching <= LIMIT_ATTACHES, `${attaching} attaches at once`)
  t.same(talk.refusals, [], 'no command was refused')
  t.ok(sent > 10, `${sent} messages went on meanwhile`)
  await Promise.all(crowd.slice(0, GROUP).map(async member => { while (member.seqs.length < sent) await delay(20) }))
  t.same(crowd.flatMap(({ seqs }, i) => String(seqs) === String(i < GROUP ? upTo(sent) : []) ? [] : [[i, seqs]]), [], 'every message once, in order')
  t.same(crowd.filter(({ resets, attaches }) => resets > 0 || attaches !== 2), [], 'each came back once, at its cursor')
})

const [DIALLING, SPARE] = [1_000, 100]
/** How many connections the kernel lets wait to be accepted. */
const mayWait = Number(await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => 0))

t.test(`${DIALLING} connections wait for a process that is busy, none is dropped and dials again later`, { skip: mayWait < DIALLING + SPARE && `net.core.somaxconn is ${mayWait}` }, async t => {
  const { start } = await startSharedRedis(t)
  const { child, url } = await start(t)
  const { hostname, port } = new URL(url)
  let connected = 0
  child.kill('SIGSTOP')
  const sockets = upTo(DIALLING).map(() => connect(Number(port), hostname, () => { connected++ }).on('error', () => undefined))
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  await until(async () => connected === DIALLING || undefined).catch(() => undefined).finally(() => child.kill('SIGCONT'))
  t.equal(connected, DIALLING)
})
