// `?lease=socket`: the open connection is the sign of life, on every way down. [LIFE-2]
import t from 'tap'
import { untilSaid } from './helper/events.js'
import { startIris } from './helper/iris.js'
import { openPolls } from './helper/poll.js'
import { openSse } from './helper/sse.js'
import { granted } from './helper/user.js'
import { openWs } from './helper/ws.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_LEASE_SEC: '2', IRIS_LIMIT_GRACE_SEC: '1', IRIS_LIMIT_POLL_SEC: '2' } })

const doors = {
  sse: (query: string, headers: Record<string, string>) => openSse(`${iris.url}/v1/down/events?${query}`, { headers }),
  ws: (query: string, headers: Record<string, string>) => openWs(`${iris.url}/v1/ws?${query}`, { headers }),
  poll: (query: string, headers: Record<string, string>) => openPolls(`${iris.url}/v1/down/poll?${query}`, { headers })
}

t.test('[LIFE-2] lease=socket: there as long as it is connected, and marked; without it, and after it, as ever', async t => {
  const terminals: { name: string, userId: string, stream: Awaited<ReturnType<typeof doors[keyof typeof doors]>> }[] = []
  for (const [name, open] of Object.entries(doors)) {
    const { userId, token } = await iris.user(t)
    terminals.push({ name, userId, stream: await open('lease=socket', { authorization: `Bearer ${token}` }) })
  }
  const viewer = await iris.user(t)
  const { body: { ticket } } = granted(await viewer.post('/v1/down/tickets', {}))
  terminals.push({ name: 'ticket', userId: viewer.userId, stream: await doors.sse(`ticket=${String(ticket)}&lease=socket`, {}) })
  for (const { stream } of terminals) {
    await stream.next('IRIS.READY')
    t.teardown(() => stream.cut())
  }
  // who came after them is gone: so would they be
  const plain = await iris.user(t)
  const stream = await plain.listen()
  await stream.next(({ data }) => data.name === 'IRIS.BYE' && data.data?.['code'] === 4204)
  await untilSaid(iris, plain, 'user.offline')
  for (const { name, userId, stream } of terminals) {
    t.notOk(stream.isOver, name)
    t.match((await iris.server('GET', `users/${userId}/terminals`)).body, { items: [{ online: true, lease: 'socket' }] }, name)
    t.match((await iris.server('POST', 'presence', { users: [userId] })).body, { items: [{ online: true, lease: 'socket' }] }, name)
    await stream.cut()
    const said = await untilSaid(iris, { userId }, 'user.offline')
    t.notOk(said.some(event => event === 'terminal.disconnected TIMEOUT' && name !== 'poll'), name)
  }
})

t.test('[LIFE-2] the mark is that of the last connection; another word than socket is refused', async t => {
  const user = await iris.user(t)
  const headers = { authorization: `Bearer ${user.token}` }
  const first = await doors.sse('lease=socket', headers)
  await first.next('IRIS.READY')
  await first.cut()
  const second = await doors.sse('', headers)
  await second.next('IRIS.READY')
  const { body } = await iris.server('GET', `users/${user.userId}/terminals`)
  t.match(body, { items: [{ online: true, lease: undefined }] })
  await second.cut()
  for (const path of ['events', 'poll']) t.equal((await fetch(`${iris.url}/v1/down/${path}?lease=none`, { headers })).status, 400, path)
  t.match(await doors.ws('lease=none', headers).catch((error: unknown) => error), { status: 400 })
})
