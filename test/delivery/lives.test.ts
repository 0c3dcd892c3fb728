// Another life begins, and nothing is lost: what this node was told to recall a moment
// before is in the store, and is not shown by what was read before. [DOWN-2] [STORE-1]
import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startGateway } from '../helper/gateway.js'
import { startRedis } from '../helper/redis.js'
import { until } from '../helper/user.js'

const { redis } = await startRedis(t)
const { context: { deliver, fresh }, hub } = await startGateway(t, redis)
const facts = {
  conversationId: 'dm.alice.bob',
  terminalId: 'x',
  fingerprint: 'f',
  nonce: 'n',
  quoteSeq: 0,
  silent: false,
  create: ['alice', 'bob'] as [string, string]
}
const bob = { userId: 'bob', terminalId: 't', platform: 'web' }

const send = async () => await deliver.message({
  ...facts,
  draft: { from: 'alice', clientMsgId: randomUUID(), type: 'text', traceId: 't', rest: '{"text":"secret"}' }
})
const revoke = async (seq: number) => await deliver.revocation({
  conversationId: facts.conversationId,
  by: 'alice',
  server: false,
  seq,
  reason: '',
  windowSec: 120,
  draft: '"cmdId":"k","op":"do","name":"REVOKE","needComplete":false,"traceId":"t"'
})

/** The store cannot prove that nothing is missing: the next look, within a second, begins another life. */
async function begin (): Promise<void> {
  const life = await redis.get(keys.life)
  await redis.del(keys.run)
  await until(async () => await redis.get(keys.life) !== life || undefined)
  // the word of that has come in, and has been taken
  for (let i = 0; i < 2; i++) await turn()
}

t.test('[DOWN-2] what a poll has collected before another life began is looked at again: ' +
  'a text that was recalled in between is not sent', async t => {
  const { body } = await send()
  const frames = [{ event: 'MSG_DOWN' as const, id: '1-1', data: body }]
  t.match(frames[0]?.data, 'secret')
  const since = performance.now()
  await revoke(1)
  t.notMatch(JSON.stringify(hub.still(frames, bob)), 'secret')
  await begin()
  await hub.ensure(frames, bob, since)
  t.match(hub.still(frames, bob), [{ data: /"type":"revoked"/ }])
})

t.test('[DOWN-2] what is being read when another life begins is read again', async t => {
  const answers: string[] = []
  const found = await fresh(async () => {
    answers.push('read')
    if (answers.length === 1) await begin()
    return answers.length
  })
  t.equal(found, 2)
  t.equal(await fresh(async () => answers.push('read')), 3, 'what is read from then on is shown')
})
