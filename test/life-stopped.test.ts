// A node that did not run for longer than a lease: whom it did not hear meanwhile has a lease left, by its own clock. [LIFE-2]
import t from 'tap'
import { untilSaid } from './helper/events.js'
import { startIris } from './helper/iris.js'
import { alive, heartbeat, listening } from './helper/life.js'
import { startSharedRedis } from './helper/process.js'
import { until } from './helper/user.js'

const LEASE_MS = 2_000
const env = { IRIS_LIMIT_LEASE_SEC: '2', IRIS_LIMIT_GRACE_SEC: '1' }
const { path, start } = await startSharedRedis(t)
const stays = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'stays' }, redisPath: path })

t.test('[LIFE-2] a node is stopped for longer than a lease: who was there before is there again, and no stream has ended', async t => {
  const stops = await start(t, { ...env, IRIS_NODE_ID: 'stops' })
  const [beats, came] = [await stops.user('beats'), await stops.user('came')]
  const streams = [await listening(beats), await listening(came)]
  await heartbeat(beats)
  stops.child.kill('SIGSTOP')
  const stopped = performance.now()
  t.teardown(() => stops.child.kill('SIGCONT'))
  for (const user of [beats, came]) await untilSaid(stays, user, 'terminal.disconnected TIMEOUT')
  await until(async () => performance.now() - stopped > 1.5 * LEASE_MS || undefined)
  stops.child.kill('SIGCONT')
  await until(async () => (await fetch(`${stops.url}/readyz`)).ok || undefined)
  const { body } = await stays.server('POST', 'presence', { users: ['beats', 'came'] })
  t.match(body, { items: [{ online: true }, { online: true }] }, 'they are there again before the node is ready')
  await alive([() => heartbeat(beats), () => heartbeat(came)], async () => {
    for (const user of [beats, came]) {
      const said = (await untilSaid(stays, user, 'terminal.disconnected TIMEOUT')).filter(what => what !== 'user.offline')
      t.same(said.filter(what => what !== 'user.online'), ['terminal.connected', 'terminal.disconnected TIMEOUT', 'terminal.connected'])
    }
    t.same(streams.map(({ isOver }) => isOver), [false, false])
  })
})
