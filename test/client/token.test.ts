// What a client does when its back end gives no token, tokens that hardly live, or nothing, since the user has signed out.
import t, { type Test } from 'tap'
import type { Options } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { createScripted, json, refusal, tokenFor } from '../helper/scripted.js'
import { noLocks, openPage, stopTime } from '../helper/stopped.js'

const { pass, turn } = stopTime(t)

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
  const ask = () => gateway.say(gateway.cmd('IRIS.AUTH', { expiresInSec: 40 }))
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

t.test('closed while a token is to be asked for: the back end is asked no more', async t => {
  let asked = 0
  const { gateway, client } = open(t, { token: () => tokenFor('alice', Date.now() + ++asked * 60_000) })
  await pass(1)
  gateway.say(gateway.cmd('IRIS.AUTH', { expiresInSec: 60 }))
  await turn()
  client.close()
  await pass(60_000)
  t.equal(asked, 1)
})

t.test('a call whose last try waits for a token ends with the client, as all others do', async t => {
  const { client } = open(t, { token: async () => await new Promise(() => undefined), userId: 'alice', terminalId: 't' })
  const asked = client.conversations().catch((error: unknown) => error)
  for (let tries = 1; tries < 4; tries++) {
    await pass(15_000)
    client.reconnect() // no pause: the next try asks at once
  }
  await pass(5_000)
  client.close()
  t.match(await asked, { code: 'CLOSED' })
})

t.test('IRIS.AUTH for an older token than the one that is there: that one is handed in at once', async t => {
  let asked = 0
  const { gateway, client } = open(t, { token: () => tokenFor('alice', Date.now() + ++asked * 3_600_000) })
  await pass(1)
  gateway.answers.set('/v1/conversations', ({ token }) => token === gateway.requests[0]?.token ? refusal('TOKEN_EXPIRED') : json({}))
  await client.conversations()
  t.equal(asked, 2)
  gateway.say(gateway.cmd('IRIS.AUTH', { expiresInSec: 60 }))
  await turn()
  t.equal(asked, 2)
  const [handed, ...more] = gateway.to('/v1/up/token')
  t.ok(handed && more.length === 0)
  t.equal(handed?.body['token'], handed?.token)
  t.not(handed?.token, gateway.requests[0]?.token)
})

t.test('too many new terminals: the state says what may be the reason', async t => {
  const { gateway, client } = open(t)
  await pass(1)
  gateway.say(gateway.cmd('IRIS.BYE', { code: 4205, reason: 'too many', reconnect: 'backoff', retryAfterMs: 5_000 }))
  await turn()
  t.match(client.state, { state: 'waiting', error: { code: 'RATE_LIMITED', retryable: true, message: /too many.*terminalId/ } })
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
