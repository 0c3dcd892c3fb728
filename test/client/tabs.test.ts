// The tabs of a browser share one connection: here as clients of one process, by the same locks and channels.
import t, { type Test } from 'tap'
import type { Options } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { type Iris, startIris } from '../helper/iris.js'
import { noLocks as skip, openPage } from '../helper/stopped.js'
import { until } from '../helper/user.js'

const iris = await startIris(t)

/** Tabs of one browser, connected. */
async function openTabs (t: Test, userId: string, number: number, options: Partial<Options> = {}) {
  const storage = createMemory()
  const open = () => connectClient(t, iris, userId, { share: true, storage, timing: { tabMs: 200 }, ...options })
  const tabs = Array.from({ length: number }, open)
  for (const tab of tabs) await tab.is('live')
  return { tabs, open, storage }
}

async function terminalsOf ({ server }: Iris, userId: string): Promise<unknown[]> {
  const { body } = await server('GET', `users/${userId}/terminals`)
  return (body['items'] ?? body['terminals']) as unknown as unknown[]
}

t.test('four tabs: one connection, each hears each message once, what one does all know', { skip }, async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { tabs, open } = await openTabs(t, alice.userId, 4)
  t.equal((await terminalsOf(iris, alice.userId)).length, 1)
  const [first, second] = tabs as [typeof tabs[0], typeof tabs[0]]

  await bob.send(alice, 'hi')
  const ack = await second.client.send(bob.userId, 'from the second')
  for (const tab of tabs) await until(async () => tab.texts().length === 2 || undefined)
  await bob.send(alice, 'again')
  for (const tab of tabs) await tab.some('message', ({ seq }) => seq === 3)
  for (const { texts, seen } of tabs) {
    t.same(texts().sort(), ['again', 'from the second', 'hi'])
    t.same(seen.warning, [])
  }
  await first.client.read(ack.conversationId, 3)
  for (const tab of tabs) await tab.some('read', ({ readSeq }) => readSeq === 3)

  await bob.command({ clientCmdId: 'x-1', name: 'nudge', to: { users: [alice.userId] }, mode: 'reliable' })
  for (const tab of tabs) await tab.some('command')
  const late = open()
  const { cmdId } = await late.some('command')
  await late.client.complete({ cmdId })
  for (const tab of [...tabs, late]) {
    await tab.some('completed')
    t.same(tab.client.pending, [])
  }
  for (const { seen } of tabs) {
    const down = seen.frame.map(({ event, id = '', data }) => event === 'CMD_DOWN' ? data?.['name'] : event ?? id)
    t.same(down.filter(what => !/^(MSG_DOWN|ACK_DOWN|IRIS\.\w+|nudge|\d+-\d+)$/.test(String(what))), [],
      'frames are what comes down: not what tabs say to each other, or the client says of itself')
    t.notOk(seen.frame.some(({ event, data }) => event === 'MSG_DOWN' && data?.['from'] === alice.userId))
    t.ok(seen.frame.some(({ data }) => data?.['msgId'] === ack.msgId), 'in each tab')
  }
  await second.client.presence([bob.userId], { watch: true })
  await bob.listen()
  for (const tab of tabs) await tab.some('presence', ({ online }) => online)
})

t.test('[ATTACH-3] the tab that is connected closes: another one is at once, nothing is missed, nothing comes twice', { skip }, async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { tabs } = await openTabs(t, alice.userId, 4)
  const texts: string[] = []
  for (let [round, left] = [0, [...tabs]]; left.length > 1; round++) {
    const leader = left[0] as typeof tabs[0] // locks are given in the order of asking
    for (const text of [`${round} before`, `${round} after`]) {
      texts.push(text)
      await bob.send(alice, text)
      if (text.endsWith('before')) {
        leader.client.close()
        left = left.filter(tab => tab !== leader)
      }
    }
    for (const tab of left) {
      await until(async () => tab.texts().length === texts.length || undefined)
      t.same(tab.texts(), texts)
      t.same(tab.seen.reset, [])
    }
  }
})

t.test('what a tab left unsent is sent by another one', { skip }, async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { tabs: [tab], storage } = await openTabs(t, alice.userId, 1)
  const at = Date.now() - 60_000
  const left = { clientMsgId: 'left-1', to: bob.userId, type: 'text', content: { text: 'left' }, at, attempts: 1, tab: 'gone' }
  const key = `iris:${new URL(iris.url).host}:${alice.userId}:outbox`
  storage.set(key, JSON.stringify([left]))
  await tab?.some('message', ({ content }) => content?.['text'] === 'left')
  await until(async () => JSON.stringify(storage.of('outbox')) === '[]' || undefined)
})

t.test('[MSG-2] tabs write while nothing gets through, and one sends for another: the order of each, one copy', { skip }, async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  let isOff = false
  const tunnel: typeof fetch = async (...args) => isOff ? await Promise.reject(new TypeError('offline')) : await fetch(...args)
  const { tabs } = await openTabs(t, alice.userId, 3, { fetch: tunnel })
  isOff = true
  const sent = Array.from({ length: 30 }, async (_, i) => await tabs[i % 3]?.client.send(bob.userId, `${i % 3}-${Math.floor(i / 3)}`))
  for (const { client } of tabs) await until(async () => (client.outbox[0]?.attempts ?? 0) > 0 || undefined)
  // what another tab has kept for longer than 15 s may be of one that is gone: the one that leads takes it up
  const { now } = Date
  Date.now = () => now() + 16_000
  t.teardown(() => { Date.now = now })
  await until(async () => tabs.some(({ client }) => client.outbox.length === 30) || undefined)
  isOff = false
  for (const { client } of tabs) client.reconnect()
  const acks = await Promise.all(sent)
  const [ack] = acks
  const { body } = await bob.getReadMsg({ conversationId: ack?.conversationId, limit: 100, deliver: 'inline' })
  const texts = (body['messages'] as { content: { text: string } }[]).map(({ content }) => content.text)
  t.same(texts.toSorted(), [...new Set(texts)].sort())
  t.equal(texts.length, 30)
  for (const tab of ['0', '1', '2']) t.same(texts.filter(text => text.startsWith(tab)), Array.from({ length: 10 }, (_, i) => `${tab}-${i}`))
  for (const tab of tabs) {
    await until(async () => (tab.texts().length >= 30 && tab.client.outbox.length === 0) || undefined)
    t.same(tab.texts().toSorted(), texts.toSorted(), 'each is told once, in each tab')
    t.notOk(tab.seen.outbox.some(({ state }) => state === 'failed'))
  }
})

t.test('locks that are there and forbidden, a channel that is: the tab is alone, and connected', { skip }, async t => {
  const alice = await iris.user(t)
  const no = () => { throw new DOMException('the operation is insecure', 'SecurityError') }
  const { BroadcastChannel, navigator } = globalThis as unknown as { BroadcastChannel: unknown, navigator: { locks: object } }
  t.teardown(() => {
    Object.assign(globalThis, { BroadcastChannel })
    Reflect.deleteProperty(navigator.locks, 'request')
  })
  const open = () => connectClient(t, iris, alice.userId, { share: true, storage: createMemory() })
  Object.defineProperty(navigator.locks, 'request', { value: async () => no(), configurable: true })
  await open().is('live')
  Reflect.deleteProperty(navigator.locks, 'request')
  Object.assign(globalThis, { BroadcastChannel: function () { no() } })
  const { client, is } = open()
  await is('live')
  openPage(t)
  await connectClient(t, iris, alice.userId, { share: false, storage: false }).is('live')
  client.close()
  t.equal(client.state.state, 'closed')
})
