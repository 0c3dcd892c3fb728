// REVOKE leaves no copy of the text: not in Redis, not on the wire. [REVOKE-2] [DOWN-2]
import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { eventKinds } from '../../src/protocol/server-events.js'
import { startIris } from '../helper/iris.js'
import { groupOf, three, until } from '../helper/user.js'

// a back end that wants the evidence is told the text once more: [EVENT-4]
const iris = await startIris(t, { env: { IRIS_EVENTS: eventKinds.filter(kind => kind !== 'message.revoked').join(',') } })
const directory = dirname(iris.redisPath)
await iris.redis.config('SET', 'rdbcompression', 'no')
await iris.redis.config('SET', 'aof-use-rdb-preamble', 'no')
await iris.redis.config('SET', 'appendonly', 'yes')

/** Everything that Redis holds, as it would write it to disk: every key, every byte of every encoding. */
async function dump (): Promise<string> {
  await iris.redis.save()
  return await readFile(join(directory, 'dump.rdb'), 'latin1')
}

/** The append-only file, rewritten. */
async function rewritten (): Promise<string> {
  const idle = () =>
    until(async () => /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(await iris.redis.info('persistence')) || undefined)
  await idle()
  await iris.redis.bgrewriteaof()
  await idle()
  const files = await readdir(join(directory, 'appendonlydir'))
  return (await Promise.all(files.map(file => readFile(join(directory, 'appendonlydir', file), 'latin1')))).join('\n')
}

t.test('[REVOKE-2] [DOWN-2] after the answer no key holds the text and no terminal, cursor or call brings it back', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const canary = `canary-${randomUUID()}`
  const conversationId = await groupOf(iris, alice, bob, carol)
  const streams = await Promise.all([alice, bob].map(user => user.listen({ terminalId: 'screen' })))
  const cursors = await Promise.all(streams.map(async stream => (await stream.next('IRIS.READY')).id ?? ''))
  await alice.send(conversationId, 'before')
  await alice.send(conversationId, canary, { clientMsgId: 'c-2', ext: { copy: canary } })
  await bob.send(conversationId, 'answer', { quote: { seq: 2 } })
  await bob.read({ conversationId, upToSeq: 2 })
  await alice.send(conversationId, canary, { clientMsgId: 'c-2', ext: { copy: canary } }) // a retry
  await bob.getReadMsg({ conversationId }, 'screen')
  await (await carol.listen()).next('IRIS.READY')
  t.match(await dump(), canary, 'the proof can fail: before the REVOKE it is there')
  t.match(await rewritten(), canary)

  t.match(await alice.revoke({ conversationId, seq: 2 }), { status: 200 })
  t.notMatch(await dump(), canary)
  t.notMatch(await rewritten(), canary)
  for (const key of await iris.redis.keys('*')) t.notMatch((await iris.redis.dumpBuffer(key) ?? Buffer.alloc(0)).toString('latin1'), canary)

  const after = await Promise.all([
    alice.listen({ terminalId: 'screen', cursor: cursors[0] }), alice.listen({ terminalId: 'desk', cursor: cursors[0] }),
    bob.listen({ terminalId: 'screen', cursor: cursors[1] }), bob.listen({ terminalId: 'new' }), carol.listen({ terminalId: 'new' })
  ])
  await Promise.all(after.map(stream => stream.next('IRIS.READY')))
  const calls = await Promise.all([
    bob.getReadMsg({ conversationId, deliver: 'inline' }), bob.conversations(), bob.rest({ items: [{ conversationId }] }),
    alice.send(conversationId, canary, { clientMsgId: 'c-2', ext: { copy: canary } })
  ])
  t.strictSame(calls.map(({ status }) => status), [200, 200, 200, 200])
  t.notMatch(JSON.stringify([after.map(({ events }) => events), calls.map(({ body }) => body)]), canary)
  t.notMatch(await dump(), canary, 'nor did any of this write it again')
})

t.test('[REVOKE-2] the server API erases the same way', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const canary = `canary-${randomUUID()}`
  const conversationId = await groupOf(iris, alice, bob, carol)
  await iris.server('POST', 'messages', { from: 'system', clientMsgId: 's-1', conversationId, type: 'system', content: { event: canary } })
  t.match(await dump(), canary)
  t.match(await iris.server('POST', 'messages/revoke', { conversationId, seq: 1 }), { status: 200, body: { alreadyRevoked: false } })
  t.notMatch(await dump(), canary)
  t.match((await bob.getReadMsg({ conversationId })).body, {
    messages: [{ seq: 1, from: 'system', type: 'revoked', revoked: { by: 'system' } }]
  })
})
