// The tabs of a browser share one connection: here as clients of one process, by the same locks and channels.
import t, { type Test } from 'tap'
import { connectClient, createMemory } from '../helper/client.js'
import { type Iris, startIris } from '../helper/iris.js'
import { until } from '../helper/user.js'

const iris = await startIris(t)
const skip = !(globalThis.navigator as { locks?: unknown } | undefined)?.locks && 'no navigator.locks in this Node'

/** Tabs of one browser, connected. */
async function openTabs (t: Test, userId: string, number: number) {
  const storage = createMemory()
  const open = () => connectClient(t, iris, userId, { share: true, storage, timing: { tabMs: 200 } })
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

t.test('[MSG-2] what a tab left unsent is sent by another one', { skip }, async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { tabs: [tab], storage } = await openTabs(t, alice.userId, 1)
  const at = Date.now() - 60_000
  const left = { clientMsgId: 'left-1', to: bob.userId, type: 'text', content: { text: 'left' }, at, attempts: 1, tab: 'gone' }
  const key = `iris:${new URL(iris.url).host}:${alice.userId}:outbox`
  storage.set(key, JSON.stringify([left]))
  await tab?.some('message', ({ content }) => content?.['text'] === 'left')
  await until(async () => JSON.stringify(storage.of('outbox')) === '[]' || undefined)
})
