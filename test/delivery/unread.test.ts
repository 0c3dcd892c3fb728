// Unread counts, markers, marks and mailboxes against a model, after each of many random steps. docs/protocol.md sections 4 and 5
// IRIS_TEST_UNREAD_STEPS=2000 tries so many steps instead of those of the suite;
// IRIS_TEST_SEED=<number> tries again what a failure has printed.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import type { User } from '../helper/user.js'
import { LONG_AGO, setBack } from '../helper/aging.js'
import { createModel, LOG, MAILBOX, type Model, type Talk } from './unread-model.js'

const STEPS = Number(process.env['IRIS_TEST_UNREAD_STEPS'] ?? 100)
const STEPS_OF_A_RUN = 50
const seed = process.env['IRIS_TEST_SEED']

t.setTimeout(600_000)
const iris = await startIris(t, {
  env: { IRIS_LIMIT_LOG_MESSAGES: String(LOG), IRIS_LIMIT_DOWN_ENTRIES: String(LOG), IRIS_LIMIT_MAILBOX_MESSAGES: String(MAILBOX) }
})
const { redis, server, url } = iris

/** Where, by whom, and which: each chooses among what is there. `back`: so many from the newest message. */
const [where, who, back] = [fc.constantFrom(0, 1, 2, 2, 2, 3), fc.nat(3), fc.nat(LOG + 1)]
const step = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      where,
      who,
      silent: fc.boolean(),
      by: fc.constantFrom('user' as const, 'user' as const, 'server' as const, 'system' as const)
    })
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), where, who, back }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('take' as const), where, who, backs: fc.uniqueArray(back, { minLength: 1, maxLength: 4 }) })
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('rest' as const), where, who, back: fc.option(back), mark: fc.option(fc.boolean()) })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('revoke' as const), where, back }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'leave' as const), where: fc.constantFrom(2, 3), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), where: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('age' as const), where, back, isOver: fc.boolean() }) }
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

function same (what: string, actual: unknown, expected: unknown): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== e) throw new Error(`${what}: ${a}, the model says ${e}`)
}

/** A world of its own for each run: alice and bob write to each other, bob and carol, and all four meet in two groups. */
async function createWorld () {
  const users = await Promise.all(['alice', 'bob', 'carol', 'dora']
    .map(async name => await iris.user(t, `${name}${randomUUID().slice(0, 8)}`)))
  const names = users.map(({ userId }) => userId) as [string, string, string, string]
  const direct = (a: string, b: string) => ({ id: `dm.${[a, b].sort().join('.')}`, users: [a, b], isGroup: false })
  const group = (members: string[]) => ({ id: `g.${randomUUID()}`, users: members, isGroup: true })
  const model = createModel([direct(names[0], names[1]), direct(names[1], names[2]), group(names), group(names.toReversed())])
  for (const { id, users: members } of model.talks.slice(2)) {
    await server('PUT', `conversations/${id}`, { members: members.slice(0, 2).map(userId => ({ userId, role: 'member' })) })
  }
  return { users, model }
}

/** One step, asked of Iris and told to the model; the answers of both are compared. */
async function apply (todo: Step, { users, model }: { users: User[], model: Model }): Promise<void> {
  const talk = model.talks[todo.where] as Talk
  const { id: conversationId } = talk
  const user = users['who' in todo ? todo.who : 0] as User
  const at = (backs: number) => Math.max(1, talk.head - backs)
  const isIn = talk.members.has(user.userId)
  const totalOf = () => model.sightOf(user.userId).total

  if (todo.do === 'send') {
    const { by, silent } = todo
    const [to, from] = [talk.users.find(name => name !== user.userId), by === 'system' ? 'system' : user.userId]
    const isDirect = !talk.isGroup && talk.users.includes(user.userId) && by !== 'system'
    const target = isDirect ? { to } : { conversationId }
    const message = {
      clientMsgId: randomUUID(), ...target, type: 'custom', content: { options: { silent: true } }, ...(silent && { options: { silent } })
    }
    const { status, body } = by === 'user' ? await user.msgUp(message) : await server('POST', 'messages', { from, ...message })
    const isThere = isDirect || isIn || (by === 'system' && talk.members.size + talk.head > 0) || (by === 'system' && talk.isGroup)
    same('a send', status, isThere ? 200 : 404)
    if (isThere) same('its number', body['seq'], model.send(talk, { from, ts: Number(body['ts']), silent }))
  } else if (todo.do === 'read' || todo.do === 'take') {
    const what = todo.do === 'read'
      ? { upToSeq: at(todo.back) + (todo.back > LOG ? 2 * LOG : 0) }
      : { seqs: todo.backs.map(at).filter((seq, i, all) => all.indexOf(seq) === i) }
    const { status, body } = await user.read({ conversationId, ...what })
    const now = model.read(talk, user.userId, { ...('upToSeq' in what ? { upTo: what.upToSeq } : what), mark: false })
    same('READ', [status, ...now ? [body['readSeq'], body['unread'], body['totalUnread']] : []], now
      ? [200, now.readSeq, now.unread.size, totalOf()]
      : [404])
  } else if (todo.do === 'rest') {
    const [readSeq, mark] = [todo.back === null ? undefined : Math.max(0, talk.head - todo.back), todo.mark ?? undefined]
    const { status, body } = await user.rest({
      items: [{ conversationId, ...(readSeq !== undefined && { readSeq }), ...(mark !== undefined && { unreadMark: mark }) }]
    })
    const now = model.read(talk, user.userId, { upTo: readSeq ?? (mark === undefined ? Infinity : 0), mark })
    const [item] = (body['items'] ?? []) as { readSeq: number, unread: number, unreadMark: boolean }[]
    same('REST', [status, ...now ? [item?.readSeq, item?.unread, item?.unreadMark, body['totalUnread']] : []], now
      ? [200, now.readSeq, now.unread.size, now.mark, totalOf()]
      : [404])
  } else if (todo.do === 'revoke') {
    const seq = at(todo.back)
    const { status, body } = await server('POST', 'messages/revoke', { conversationId, seq })
    const before = model.revoke(talk, seq)
    same('REVOKE', [status, body['alreadyRevoked']], before === undefined ? [404, undefined] : [200, before])
  } else if (todo.do === 'forget') {
    // what time does: all that ends with the conversation has ended
    const keys = (await redis.keys(`*${conversationId}*`)).filter(key => !key.includes('DEDUPE'))
    const ends = await Promise.all(keys.map(async key => await redis.pexpiretime(key)))
    const over = keys.filter((_, i) => Number(ends[i]) > 0)
    if (over.length > 0) await redis.del(...over)
    model.forget(talk)
  } else if (todo.do === 'age') {
    // a direct conversation that is quiet for so long is forgotten
    const upTo = talk.head - (talk.isGroup ? todo.back : todo.back + 1)
    if (upTo < 1) return
    await setBack(redis, conversationId, { upTo, isOver: todo.isOver })
    model.age(talk, upTo, LONG_AGO + talk.head)
  } else {
    await server('POST', `conversations/${conversationId}/members`, todo.do === 'join'
      ? { add: [{ userId: user.userId, role: 'member' }] }
      : { remove: [user.userId] })
    model[todo.do](talk, user.userId)
  }
}

/** How much a user has not read, by an answer that shows no row. */
const unreadOf = async (user: User) => (await user.conversations('?after=0:g.none')).body['totalUnread']

/** What a user sees, by his list, by an attach without a cursor, and by GET_READ_MSG. */
async function check (user: User, model: Model, talk: Talk): Promise<void> {
  const sight = model.sightOf(user.userId)
  const headers = { authorization: `Bearer ${user.token}` }
  const { body: { events, ready } } = await pollOnce(`${url}/v1/down/poll?timeoutMs=0&terminalId=m`, { headers })
  const mailbox = events.filter(({ event, id }) => event === 'MSG_DOWN' && id === undefined)
    .map(({ data }) => `${String(data['conversationId'])} ${String(data['seq'])}`)
  same(`the mailbox of ${user.userId}`, [mailbox, ready], [sight.mailbox, sight.more ? { more: true } : {}])
  const { body } = await user.conversations()
  const rows = body['items'] as { conversationId: string, headSeq: number, readSeq: number, unread: number, unreadMark: boolean }[]
  const seen = new Map(rows.map(({ conversationId, headSeq, readSeq, unread, unreadMark }) =>
    [conversationId, { headSeq, readSeq, unread, unreadMark }]))
  for (const id of new Set([...seen.keys(), ...sight.rows.keys()])) {
    same(`the row of ${id} of ${user.userId}`, seen.get(id), sight.rows.get(id))
  }
  same(`the order of ${user.userId}'s list`, rows.map(({ conversationId }) => conversationId).filter(id => sight.order.includes(id)),
    sight.order)
  same(`all unread of ${user.userId}`, body['totalUnread'], sight.total)
  const unread = talk.members.get(user.userId)?.unread
  if (!unread?.size) return
  const page = await user.getReadMsg({ conversationId: talk.id, anchor: 'unread', limit: 1, deliver: 'inline' })
  same(`the first unread of ${user.userId}`, page.body['firstSeq'], Math.min(...unread))
}

t.test('[READ-1] [READ-2] [REST-1] [REST-3] [REVOKE-3] [MSG-3] [ATTACH-3] [GET-4] what is ' +
  'unread is what the clauses say, after every step', { timeout: 600_000 }, async t => {
  const runs = Math.ceil(STEPS / STEPS_OF_A_RUN)
  let steps = 0
  await fc.assert(fc.asyncProperty(fc.noBias(fc.array(step, { minLength: 1, maxLength: 2 * STEPS_OF_A_RUN, size: 'max' })), async todos => {
    const world = await createWorld()
    for (const todo of todos) {
      steps++
      await apply(todo, world)
      // before a list is read, which lets go what has had its time
      if (todo.do === 'age') {
        for (const user of world.users) {
          same(`what ${user.userId} has not read`, await unreadOf(user), world.model.sightOf(user.userId).total)
        }
      }
      for (const user of world.users) await check(user, world.model, world.model.talks[todo.where] as Talk)
    }
  }), { numRuns: runs, ...(seed !== undefined && { seed: Number(seed) }) })
  t.ok(steps >= runs, `${steps} steps`)
})
