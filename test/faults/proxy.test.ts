// The proxy does to connections what it says.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../helper/user.js'
import { kill, type Modes, startProxy } from './proxy.js'

/** A server that says everything back, behind a proxy, and a client of it. */
async function setUp (t: Test) {
  const server = createServer(socket => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const proxy = await startProxy(t, (server.address() as AddressInfo).port)
  const client = connect(proxy.port, '127.0.0.1')
  let text = ''
  let isReset = false
  client.on('data', chunk => { text += chunk.toString() }).on('error', () => { isReset = true })
  await once(client, 'connect')
  t.teardown(() => client.destroy())
  const comes = async (wanted: string) => await until(async () => text === wanted || undefined)
  client.write('a')
  await comes('a')
  return { proxy, client, comes, text: () => text, isReset: async () => await until(async () => isReset || undefined) }
}

for (const direction of ['up', 'down'] as const) {
  const modes = (mode: Modes['up']): Modes => ({ [direction]: mode })

  t.test(`what is stalled ${direction} comes when the fault ends`, async t => {
    const { proxy, client, comes, text } = await setUp(t)
    proxy.set(modes({ do: 'stall' }))
    client.write('b')
    await until(async () => proxy.hits > 0 || undefined)
    t.equal(text(), 'a')
    proxy.heal()
    t.ok(await comes('ab'))
  })

  t.test(`what is swallowed ${direction} never comes, and the connection is reset when the fault ends`, async t => {
    const { proxy, client, text, isReset } = await setUp(t)
    proxy.set(modes({ do: 'swallow' }))
    client.write('b')
    await until(async () => proxy.hits > 0 || undefined)
    proxy.heal()
    t.ok(await isReset())
    t.equal(text(), 'a')
  })

  t.test(`a trickle and a delay ${direction} bring everything, in order`, async t => {
    const { proxy, client, comes } = await setUp(t)
    for (const [i, mode] of ([{ do: 'trickle', bytes: 3, ms: 1 }, { do: 'delay', ms: 20 }] as const).entries()) {
      proxy.set(modes(mode))
      client.write('0123456789')
      t.ok(await comes('a' + '0123456789'.repeat(i + 1)), mode.do)
    }
    t.ok(proxy.hits >= 2)
  })

  t.test(`a connection is cut ${direction} after so many bytes`, async t => {
    const { proxy, client, isReset } = await setUp(t)
    proxy.set(modes({ do: 'cut', afterBytes: 4 }))
    client.write('0123456789')
    t.ok(await isReset())
  })
}

t.test('a reset reaches the client, and while it refuses nobody comes in', async t => {
  const { proxy, isReset } = await setUp(t)
  proxy.refuse()
  t.equal(proxy.reset(), 1)
  t.ok(await isReset())
  const other = connect(proxy.port, '127.0.0.1')
  await once(other, 'error').catch(() => undefined)
  proxy.heal()
  const third = connect(proxy.port, '127.0.0.1')
  third.write('x')
  t.equal(String((await once(third, 'data'))[0]), 'x')
  third.destroy()
})

t.test('a socket that is just saying its end is let go all the same', async t => {
  const { proxy } = await setUp(t)
  const socket = connect(proxy.port, '127.0.0.1')
  await once(socket, 'connect')
  const closed = once(socket, 'close')
  socket.end('x')
  kill(socket)
  await t.resolves(closed)
})
