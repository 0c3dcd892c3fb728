// What a client does when its back end gives no token, tokens that hardly live, or nothing, since the user has signed out.
import t, { type Test } from 'tap'
import type { Options } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { createScripted, json, tokenFor } from '../helper/scripted.js'
import { openPage, stopTime } from '../helper/stopped.js'

const { pass, turn } = stopTime(t)
const noLocks = !(globalThis.navigator as { locks?: unknown } | undefined)?.locks && 'no navigator.locks in this Node'

function open (t: Test, options: Partial<Options> = {}, gateway = createScripted()) {
  return { gateway, ...connectClient(t, gateway.iris, 'alice', { ...gateway.options, ...options }) }
}

t.test('token is a function: anything else is said at once', async t => {
  for (const token of [undefined, tokenFor('alice')]) {
    t.throws(() => open(t, { token: token as unknown as Options['token'] }), { code: 'BAD_OPTION', message: /token.*function/ })
  }
})

t.test('no token any more while it is live: closed, with SIGNED_OUT, in each tab, until it may come back', { skip: noLocks }, async t => {
  const gateway = createScripted()
  let isOut = false
  const options = { share: true, userId: 'alice', token: () => isOut ? null : tokenFor('alice', Date.now() + 20_000) }
  const tabs = [open(t, options, gateway), open(t, options, gateway)] as const
  for (let i = 0; i < 3; i++) await pass(1_000)
  isOut = true
  gateway.say(gateway.cmd('IRIS.AUTH', { expiresInSec: 60 }))
  await pass(12_000)
  for (let i = 0; i < 3; i++) await turn()
  for (const { client, seen } of tabs) {
    t.match(client.state, { state: 'closed', error: { name: 'IrisError', code: 'SIGNED_OUT', retryable: false } })
    t.ok(client.state.error instanceof Error)
    t.same(seen.state.filter(({ state }) => state === 'closed').length, 1)
  }
  t.equal(gateway.lines.at(-1)?.isOver(), true)
  isOut = false
  tabs[0].client.reconnect()
  await pass(1_000)
  for (let i = 0; i < 3; i++) await turn()
  for (const { client } of tabs) t.equal(client.state.state, 'live')
  for (const { client } of tabs) client.close()
})

t.test('close({ forget: true }) of one whose token is not to be had any more: what is kept of him goes', async t => {
  const plain = createMemory()
  const removing = {
    ...createMemory(),
    remove (prefix: string) { for (const key of this.kept.keys()) if (key.startsWith(prefix)) this.kept.delete(key) }
  }
  for (const storage of [plain, removing]) {
    const first = open(t, { storage })
    first.gateway.answers.set('/v1/up/msg', async () => await new Promise(() => undefined))
    await pass(1)
    void first.client.send('bob', 'a secret')
    await turn()
    first.client.close()
    await turn()
    t.match(storage.of('outbox'), [{ content: { text: 'a secret' } }])
    const { client } = open(t, { storage, token: () => null })
    await turn()
    t.equal(client.state.error?.code, 'SIGNED_OUT')
    client.close({ forget: true })
    await turn()
    t.same([...storage.kept].filter(([, value]) => value !== 'null'), [])
  }
})

t.test('tokens that live for less than IRIS.AUTH comes before their end: one for each half of a life, and that is said', async t => {
  const gateway = createScripted()
  let asked = 0
  const token = () => {
    asked++
    return tokenFor('alice', Date.now() + 40_000)
  }
  const { client, seen } = open(t, { token }, gateway)
  const ask = () => gateway.say(gateway.cmd('IRIS.AUTH', { expiresInSec: 30 }))
  gateway.answers.set('/v1/up/token', () => {
    setImmediate(ask)
    return json({})
  })
  await pass(1)
  ask()
  ask()
  await pass(600_000)
  t.ok(asked >= 15 && asked <= 32, `${asked} times in ten minutes`)
  t.match(seen.warning, [{ code: 'TOKEN', message: /40 s/ }])
  t.equal(client.state.state, 'live')
})

t.test('a back end that fails is asked at leisure, whoever asks; and at once when somebody says so', async t => {
  const page = openPage(t)
  const gateway = createScripted()
  let [asked, isDown] = [0, true]
  const { client } = open(t, {
    token () {
      asked++
      if (isDown) throw new Error('down')
      return tokenFor('alice', Date.now() + 3_600_000)
    }
  }, gateway)
  for (let i = 0; i < 240; i++) {
    void client.conversations().catch(() => undefined)
    await pass(500, 500)
  }
  t.ok(asked < 20, `${asked} times in two minutes`)
  const wakes = [() => page.happen('online'), () => page.show(true), () => client.reconnect()]
  for (const wake of wakes) {
    const before = asked
    wake()
    await turn()
    t.equal(asked, before + 1)
  }
  isDown = false
  client.reconnect()
  await pass(500, 500)
  t.equal(client.state.state, 'live')
})
