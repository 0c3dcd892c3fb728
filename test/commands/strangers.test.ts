// What a user may do with people who never answered him: open few conversations, and not learn that they are there. [CMD-5]
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { dm, groupOf, three, two, type User } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_NEW_DIRECT: '3' } })

t.test('[COST-1] so many direct conversations may be opened in an hour; what is opened already, or by the other side, is free', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  t.match(await bob.send(alice, 'opened by the other side'), { status: 200 })
  const open = async (to: string) => await alice.msgUp({ clientMsgId: `to-${to}`, to, type: 'text', content: { text: 'hi' } })
  const strangers = ['1', '2', '3', '4'].map(n => `${alice.userId}-${n}`)
  const answers = []
  for (const to of strangers) answers.push(await open(to))
  t.strictSame(answers.map(({ status }) => status), [200, 200, 200, 429])
  const [, , , refused] = answers
  t.match(refused?.body, { code: 'RATE_LIMITED', retryable: true })
  t.ok(Number(refused?.headers.get('retry-after')) > 3_500)
  t.match(await open(strangers[0] ?? ''), { status: 200, body: { duplicate: true } }, 'a retry opens nothing')
  t.match(await alice.send(dm(alice, { userId: strangers[0] ?? '' }), 'more'), { status: 200 })
  t.match(await alice.send(bob, 'an answer'), { status: 200 })
  t.match(await iris.server('POST', 'messages', {
    from: alice.userId, to: strangers[3], clientMsgId: 's-1', type: 'text', content: { text: 'x' }
  }), { status: 200 }, 'the server API opens any number')
  t.match(await open(`${alice.userId}-5`), { status: 429 })
  t.match(await bob.send({ userId: `${bob.userId}-1` }, 'hi'), { status: 200 }, 'each user has his own count')
  const left = await iris.redis.pttl(keys.opened(alice.userId))
  t.ok(left > 3_500_000 && left <= 3_600_000)
  await iris.redis.del(keys.opened(alice.userId)) // as its end does
  t.match(await open(`${alice.userId}-6`), { status: 200 })
})

/** What alice learns of bob by a command. */
async function online (alice: User, to: object, mode = 'online') {
  const { status, body } = await alice.command({
    clientCmdId: `t-${Math.random()}`, name: 'ping', mode, to, terminals: { platforms: ['web'] }
  })
  return [status, body['accepted'], body['online']]
}

t.test('[CMD-5] presence is told of those only who have written in a shared conversation', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const listening = await bob.listen()
  await listening.next('IRIS.READY')
  await alice.send(bob, 'who are you?')
  for (const mode of ['online', 'reliable']) {
    t.strictSame(await online(alice, { users: [bob.userId] }, mode), [200, 1, 0], `${mode}: to a stranger`)
    t.equal((await listening.next('ping')).data.from, alice.userId, 'which is delivered all the same')
  }
  t.strictSame(await online(bob, { users: [alice.userId] }), [200, 1, 0])
  await alice.listen().then(async stream => await stream.next('IRIS.READY'))
  t.strictSame(await online(bob, { users: [alice.userId] }), [200, 1, 1], 'she has written')
  await bob.send(alice, 'bob')
  for (const mode of ['online', 'reliable']) {
    t.strictSame(await online(alice, { users: [bob.userId] }, mode), [200, 1, 1], `${mode}: he has answered`)
  }

  const group = await groupOf(iris, carol, bob)
  for (const to of [{ conversationId: group }, { users: [bob.userId] }]) {
    t.strictSame(await online(carol, to), [200, 1, 0], 'a group in which he was silent')
  }
  await bob.send(group, 'hello all')
  for (const to of [{ conversationId: group }, { users: [bob.userId] }]) t.strictSame(await online(carol, to), [200, 1, 1])
  const other = await groupOf(iris, carol, bob)
  t.strictSame(await online(carol, { conversationId: other }), [200, 1, 1], 'wherever he has written')
  await iris.server('POST', `conversations/${group}/members`, { role: [{ userId: bob.userId, role: 'admin' }] })
  t.strictSame(await online(carol, { conversationId: group }), [200, 1, 1], 'another role changes nothing')
  await iris.server('POST', `conversations/${group}/members`, { remove: [bob.userId] })
  t.strictSame(await online(carol, { conversationId: other }), [200, 1, 0], 'what he wrote where he is no more does not count')
  t.match(await iris.server('POST', 'commands', { clientCmdId: 's-1', name: 'ping', to: { users: [bob.userId] } }), {
    status: 200,
    body: { online: 1 }
  }, 'the server API is told')
  t.strictSame((await online(bob, { self: true })).slice(2), [1], 'and everybody of himself')
})
