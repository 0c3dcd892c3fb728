// A node that was killed stands in nobody's way: its terminals take no room, outrank no login, and no kick waits for them. [LIFE-3]
import t from 'tap'
import { keys } from '../src/store/keys.js'
import { startIris } from './helper/iris.js'
import { startSharedRedis } from './helper/process.js'
import { pollOnce } from './helper/poll.js'
import { loginOf } from './helper/token.js'
import { createUser, type User } from './helper/user.js'
import { openWs } from './helper/ws.js'

const { path, start } = await startSharedRedis(t)
const env = { IRIS_LIMIT_TERMINALS: '3' }
const multi = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'multi' }, redisPath: path })
const single = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'single', IRIS_LOGIN_POLICY: 'single' }, redisPath: path })

const doors: Record<string, (bob: User) => Promise<unknown>> = {
  SSE: async bob => await (await bob.listen({ terminalId: 'new' })).next('IRIS.READY'),
  WebSocket: async ({ token }) =>
    await (await openWs(`${multi.url}/v1/ws?terminalId=new`, { headers: { authorization: `Bearer ${token}` } })).next('IRIS.READY'),
  poll: async ({ token }) => {
    const { status, body } = await pollOnce(`${multi.url}/v1/down/poll?terminalId=new`, {
      headers: { authorization: `Bearer ${token}` },
      query: { timeoutMs: '0' }
    })
    if (status !== 200) throw new Error(`${status} ${body.code}`)
  }
}

const dies = await start(t, { ...env, IRIS_NODE_ID: 'dies' })

t.test('[LIFE-3] a node that dials its subscription anew is not dead: its terminals keep their place', async t => {
  const user = await multi.user(t)
  for (const terminalId of ['a', 'b', 'c']) {
    await (await createUser(t, { ...user, url: dies.url }).listen({ terminalId }))
      .next('IRIS.READY')
  }
  for (let i = 0; i < 3; i++) {
    await multi.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    t.match((await (await user.listen({ terminalId: 'd' })).next('IRIS.BYE')).data.data, { code: 4303 })
  }
})

t.test('[LIFE-3] after kill -9 of a node', async t => {
  const alive = await multi.user(t)
  for (const terminalId of ['a', 'b', 'c']) await (await alive.listen({ terminalId })).next('IRIS.READY')
  const crowded = await Promise.all(Object.keys(doors).map(async () => await multi.user(t)))
  const kicked = await multi.user(t)
  for (const user of [...crowded, kicked]) {
    for (const terminalId of ['a', 'b', 'c']) {
      await (await createUser(t, { ...user, url: dies.url }).listen({ terminalId }))
        .next('IRIS.READY')
    }
  }
  const [older, newer] = [await loginOf(t, single, 'outranked', { agoSec: 100 }), await loginOf(t, single, 'outranked', { agoSec: 50 })]
  await (await createUser(t, { ...newer, url: dies.url }).listen({ terminalId: 'desk' })).next('IRIS.READY')
  dies.child.kill('SIGKILL')
  await dies.exited

  for (const [i, [door, open]] of Object.entries(doors).entries()) {
    await t.resolves(open(crowded[i] as User), `${door}: there is room for a new terminal`)
  }
  t.match((await (await alive.listen({ terminalId: 'd' })).next('IRIS.BYE')).data.data, {
    code: 4303
  }, 'there is none beside those of a node that lives')
  await t.resolves((await older.listen({ terminalId: 'phone' })).next('IRIS.READY'), 'an older login comes, as when the newer one has gone')
  const { status } = await multi.server('POST', `users/${kicked.userId}/kick`, { reason: 'enough' })
  t.equal(status, 200)
  t.equal(await multi.redis.exists(keys.routes(kicked.userId)), 0, 'nobody waits for what a dead node does not close')
})
