// A restart under a thousand streams, or as many as IRIS_TEST_STREAMS says:
// they come back, commands go on, and nobody misses anything. docs/protocol.md section 4, "Goodbye".
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { openCrowd } from './helper/crowd.js'
import { freePort, startSharedRedis } from './helper/process.js'
import { upTo } from './helper/sse.js'
import { groupOf, until } from './helper/user.js'

/**
 * Twice the group, 500 with the one who speaks to it, the most that a group may have.
 * With 5,000 it holds as well, and takes half a minute of two cores.
 */
const [STREAMS, GROUP] = [Number(process.env['IRIS_TEST_STREAMS'] ?? 1_000), 499]
const LIMIT_ATTACHES = 32
const [MESSAGE_MS, NOTICE_MS, RETRY_MS] = [250, 1_000, 50]
/** Files that a process has open beside its streams: each stream is one here, and one in the process under test. */
const SPARE_FILES = 1_000

/** Does something again and again, each time until it is answered by 200, as a client does; `stop()` resolves with how many times. */
function again (everyMs: number, act: (n: number) => Promise<{ status: number }>) {
  const over = new AbortController()
  const refusals: number[] = []

  async function attempt (n: number): Promise<boolean> {
    const status = await act(n).then(answer => answer.status, () => undefined)
    if (status !== undefined && ![200, 503].includes(status)) refusals.push(status)
    return status === 200
  }

  const running = (async () => {
    let done = 0
    for (; !over.signal.aborted; await delay(everyMs)) {
      while (!await attempt(done + 1)) await delay(RETRY_MS)
      done++
    }
    return done
  })()
  return {
    /**
     * What the server answered instead of 200, and instead of 503: that Redis was late, on a machine this busy, is a timing.
     * A connection that was refused or broke is no answer.
     */
    refusals,
    async stop (): Promise<number> {
      over.abort()
      return await running
    }
  }
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

/** Why so many streams cannot be opened here; false when they can. Node itself raises the soft limit to the hard one. */
function tooFewFiles (): string | false {
  const limit = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim()
  return limit !== 'unlimited' && Number(limit) < STREAMS + SPARE_FILES && `ulimit -Hn is ${limit}, ${STREAMS + SPARE_FILES} are needed`
}

t.setTimeout(110_000)
t.test(`[ATTACH-3] [POLL-1] ${STREAMS} streams come back after a restart, commands go on, and nobody misses anything`, {
  skip: tooFewFiles()
}, async t => {
  const { start } = await startSharedRedis(t)
  const env = {
    IRIS_PORT: String(await freePort()),
    IRIS_DRAIN_SEC: '2',
    IRIS_METRICS: 'open',
    IRIS_LIMIT_ATTACHES: String(LIMIT_ATTACHES)
  }
  const first = await start(t, env)
  const crowd = await openCrowd(first.url, upTo(STREAMS).map(n => `u${n}`))
  t.teardown(() => { for (const member of crowd) member.leave() })
  const speaker = await first.user('speaker')
  const group = await groupOf(first, speaker, ...upTo(GROUP).map(n => ({ userId: `u${n}` })))
  const ids = new Map<number, string>() // one for all attempts of a message
  const talk = again(MESSAGE_MS, n =>
    speaker.send(group, 'chatter', { clientMsgId: ids.get(n) ?? ids.set(n, randomUUID()).get(n) as string }))
  const calls = again(NOTICE_MS, n => first.server('POST', 'notices', {
    noticeId: `n${n}`, conversationId: group, content: { text: 'call' }, needComplete: false, ttlSec: 60
  }))

  first.child.kill('SIGTERM')
  t.same(await first.exited, [0, null])
  await until(async () => crowd.every(({ isLive }) => !isLive) || undefined)
  t.same(crowd.filter(({ byes }) => byes[0] !== 4200), [], 'each was told')
  const second = await start(t, env)
  const began = performance.now()
  let isBack = false
  const back = Promise.all(crowd.map(member => member.live())).then(() => { isBack = true })
  const attaching = await highest(second.url, 'iris_attaches_under_way', () => isBack)
  await back
  const seconds = (performance.now() - began) / 1000
  const [sent, called] = [await talk.stop(), await calls.stop()]

  t.comment(`${STREAMS} streams were back after ${seconds.toFixed(1)} s; ` +
    `${sent} messages and ${called} notices to ${GROUP} meanwhile, at most ${attaching} attaches at once`)
  t.ok(attaching > 0 && attaching <= LIMIT_ATTACHES, `${attaching} attaches at once`)
  t.same([talk.refusals, calls.refusals], [[], []], 'no command was refused')
  // how many, is a matter of time
  t.ok(sent > 2 && called > 0, 'commands went on meanwhile')
  const members = crowd.slice(0, GROUP)
  await until(async () => members.every(({ seqs, notices }) => seqs.length >= sent && notices.length >= called) || undefined)
  const [seqs, notices] = [String(upTo(sent)), String(upTo(called).map(n => `n${n}`))]
  t.same(members.filter(member => String(member.seqs) !== seqs || String(member.notices) !== notices),
    [], 'every message and every notice once, in order')
  t.same(crowd.slice(GROUP).filter(member => member.seqs.length > 0 || member.notices.length > 0), [], 'the others nothing')
  t.same(crowd.filter(({ resets, attaches }) => resets > 0 || attaches !== 2), [], 'each came back once, at its cursor')
})

const [DIALLING, SPARE] = [1_000, 100]
/** How many connections the kernel lets wait to be accepted. */
const mayWait = Number(await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => 0))

t.test(`${DIALLING} connections wait for a process that is busy, none is dropped and dials again later`, {
  skip: mayWait < DIALLING + SPARE && `net.core.somaxconn is ${mayWait}`
}, async t => {
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
