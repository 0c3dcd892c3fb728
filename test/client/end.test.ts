// How things end in the client: calls at its end, pauses, listeners, and what it leaves behind when a user signs out.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { IrisError } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { startIris } from '../helper/iris.js'
import { until } from '../helper/user.js'

const iris = await startIris(t)

/** A request that nobody answers, until it is given up. */
const never = async (signal?: AbortSignal | null) => await new Promise<never>((_resolve, reject) => {
  signal?.addEventListener('abort', () => reject(signal.reason as Error))
})

const refusal = (seconds: string) =>
  new Response('{"code":"STORE_UNAVAILABLE","retryable":true}', { status: 503, headers: { 'Retry-After': seconds } })

t.test('close() ends what is under way: a call, one that is to be tried again, one that waits for a token', async t => {
  const alice = await iris.user(t)
  const unanswered: typeof fetch = async (_input, init) => await never(init?.signal)
  const refusing: typeof fetch = async () => refusal('9')
  for (const options of [{ fetch: unanswered }, { fetch: refusing }, { token: async () => await never() }]) {
    const { client } = connectClient(t, iris, alice.userId, { userId: alice.userId, ...options })
    const calls = [client.conversations(), client.read('g.1', 1), client.presence(['bob']), client.send('bob', 'kept')]
    await sleep(20)
    const beganAt = Date.now()
    client.close()
    for (const call of calls) {
      const error = await call.catch((error: unknown) => error as IrisError)
      t.match(error, { code: 'CLOSED', status: 0, retryable: false })
    }
    t.ok(Date.now() - beganAt < 5_000, 'long before the 10 s of an attempt')
    await t.rejects(client.history('g.1'), { code: 'CLOSED' }, 'nor is anything begun')
  }
})

t.test('a pause that is longer than a timer can be is waited for all the same', async t => {
  const alice = await iris.user(t)
  for (const seconds of ['2592000', 'Infinity', '-7']) {
    let asked = 0
    const refusing: typeof fetch = async (input, init) => {
      if (!new Request(input).url.includes('/v1/down/')) return await fetch(input, init)
      asked++
      return refusal(seconds)
    }
    const { client, some } = connectClient(t, iris, alice.userId, { fetch: refusing })
    await some('state', ({ state, error }) => state === 'waiting' && error?.code === 'STORE_UNAVAILABLE')
    await sleep(100)
    t.ok(asked < 10, `${seconds} s: asked ${asked} times`)
    client.close()
  }
})

t.test('one listener that is registered twice is two: each ends by itself', async t => {
  const { client } = connectClient(t, iris, 'nobody', { token: () => null })
  let heard = 0
  const listener = () => { heard++ }
  const [first, second] = [client.on('warning', listener), client.on('state', listener)]
  const again = client.on('state', listener)
  second()
  second()
  await until(async () => client.state.state === 'closed' || undefined)
  t.equal(heard, 1)
  again()
  first()
})

t.test('what is no JSON is refused as such, by every call', async t => {
  const alice = await iris.user(t)
  const { client } = connectClient(t, iris, alice.userId)
  await t.rejects(client.command('nudge', 'bob', { n: 10n }), { code: 'BAD_OPTION' })
  await t.rejects(client.request('/v1/up/heartbeat', { n: 10n }), { code: 'BAD_OPTION' })
})

t.test('close({ forget: true }): nothing of a user who signs out stays, in any tab', async t => {
  const alice = await iris.user(t)
  const refusing: typeof fetch = async (input, init) => new Request(input).url.endsWith('/v1/up/msg')
    ? refusal('50')
    : await fetch(input, init)
  const plain = createMemory()
  const removing = {
    ...createMemory(),
    remove (prefix: string) { for (const key of this.kept.keys()) if (key.startsWith(prefix)) this.kept.delete(key) }
  }
  const hasLocks = (globalThis.navigator as { locks?: unknown } | undefined)?.locks !== undefined
  for (const storage of [plain, removing]) {
    const open = () => connectClient(t, iris, alice.userId, { storage, share: true, fetch: refusing, timing: { tabMs: 200 } })
    const [first, second] = [open(), open()]
    await first.is('live')
    await second.is('live')
    first.client.send('bob', 'a secret').catch(() => undefined)
    await first.some('outbox', ({ state }) => state === 'waiting')
    t.match(storage.of('outbox'), [{ content: { text: 'a secret' } }])
    first.client.close({ forget: true })
    if (hasLocks) await second.is('closed')
    else second.client.close({ forget: true })
    await sleep(20) // what is written late is written by now
    t.same([...storage.kept.values()].filter(value => value !== 'null'), [])
    await t.rejects(first.client.send('bob', 'too late'), { code: 'CLOSED' })
    t.same([...storage.kept.values()].filter(value => value !== 'null'), [])
  }
  t.equal(removing.kept.size, 0)
  plain.set(`iris:${new URL(iris.url).host}:${alice.userId}:way`, '{"name":"poll"}')
  connectClient(t, iris, alice.userId, { storage: plain, userId: alice.userId }).client.close({ forget: true })
  await sleep(20)
  t.same([...plain.kept.values()].filter(value => value !== 'null'), [], 'also before it has begun')
  const next = connectClient(t, iris, alice.userId, { storage: plain })
  await next.is('live')
  t.same(next.client.outbox, [])
})
