// What is kept for a webhook, step by step: what one that is removed meanwhile leaves, and what of a trimmed stream is lost.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { defaultLimits } from '../../src/protocol/limits.js'
import { eventKinds } from '../../src/protocol/server-events.js'
import { feedOf } from '../../src/store/feed.js'
import { keys } from '../../src/store/keys.js'
import { createLife } from '../../src/store/life/life.js'
import { createOutbox, type Due } from '../../src/store/webhook/outbox.js'
import { createTargets, type Target } from '../../src/store/webhook/targets.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'

const { redis } = await startRedis(t)
const store = {
  redis,
  node: 'a',
  limits: defaultLimits,
  life: createLife(redis, { known: () => 0 }),
  now: Date.now,
  feed: feedOf(eventKinds, defaultLimits),
  fresh: async <T>(read: () => Promise<T>) => await read()
}
const targets = createTargets(store, ['key'])
const outbox = createOutbox(store, 'a')
let made = Date.now()

async function webhook (id: string = randomUUID()): Promise<Target> {
  const target = { id, url: 'https://example.com/', secrets: ['whsec_x'], createdAt: ++made }
  await targets.put(target)
  return target
}
const happen = async (count: number) => {
  for (const n of upTo(count)) await redis.xadd(keys.events, '*', 'user.online', JSON.stringify({ userId: 'zoe', n, ts: Date.now() }))
}
const burial = { reason: 'x', attempts: 1, isEarly: false }

/** What is done for a webhook, each with what has been read for it. */
const steps: Record<string, (target: Target, due: Due) => Promise<unknown>> = {
  'it is read for': async target => await outbox.take(target, { count: 1 }),
  'what was read is looked through': async target => await outbox.take(target, { count: 1, from: '0-0' }),
  'it is held': async target => await outbox.take(target, { count: 0 }),
  'an event is a dead letter': async (target, due) => await outbox.bury(target, due, burial),
  'it is in trouble': async target => await outbox.trouble(target, { since: 1, reason: 'x' }),
  'its trouble is over': async target => await outbox.trouble(target, undefined),
  'what is done is told': async ({ id }, { position }) => await outbox.done(id, [position]),
  'its dead letters are replayed': async ({ id }) => await outbox.replay(id, undefined),
  'what is told beside is read': async ({ id }) => await outbox.again(id, () => false),
  'it is left': async ({ id }) => await outbox.leave(id),
  'its secrets are sealed anew': async () => await createTargets(store, ['newer', 'key']).reseal(),
  'it is disabled': async target => await targets.disable(target, { at: 1, reason: 'x' })
}

for (const [what, step] of Object.entries(steps)) {
  t.test(`[WEBHOOK-1] of one that is removed before ${what} nothing comes back to life, nor to the next of that id`, async t => {
    const target = await webhook()
    await happen(2)
    const { due: [due] } = await outbox.take(target, { count: 1 })
    t.ok(due && await outbox.bury(target, { ...due, position: '1-1' }, burial))
    await targets.remove(target.id)
    const left = async () => (await redis.keys('iris:*WEBHOOK:*')).filter(key => key.includes(target.id))
    if (due) await step(target, due)
    t.same(await left(), [])
    t.equal(await redis.hexists(keys.webhooks, target.id), 0)
    t.same((await redis.xinfo('GROUPS', keys.events) as unknown[]).length, 0)
    const next = await webhook(target.id)
    if (due) await step(target, due)
    t.match(await outbox.report(target.id), { waiting: 0, dead: 0, trouble: undefined })
    t.equal(await redis.exists(keys.webhookOwner(target.id)), 0)
    t.match(await targets.get(target.id), { createdAt: next.createdAt, disabled: undefined })
    await targets.remove(target.id)
  })
}

t.test('[WEBHOOK-7] what was trimmed while it was under way is not lost: whoever has it tells it', async t => {
  const target = await webhook()
  await happen(3)
  const { due } = await outbox.take(target, { count: 3 })
  const [first = '', second = '', third = ''] = due.map(({ position }) => position)
  await redis.xtrim(keys.events, 'MAXLEN', 0)
  t.match(await outbox.take(target, { count: 10, from: '0-0', known: [first, third] }), { lost: 1, due: [], last: third })
  await outbox.done(target.id, [first])
  t.match(await outbox.take(target, { count: 10, from: '0-0', known: [third] }), { lost: 0 })
  t.match(await outbox.take(target, { count: 10, from: '0-0' }), { lost: 1, last: third }, 'another node does not have it')
  t.match(await outbox.report(target.id), { waiting: 2, dead: 2 }, 'two letters, and a word for each')
  t.not(second, third)
  await targets.remove(target.id)
})

t.test('[WEBHOOK-7] behind a page of what is gone is looked on', async t => {
  const target = await webhook()
  await happen(6)
  await outbox.take(target, { count: 6 })
  await redis.xtrim(keys.events, 'MAXLEN', 1)
  const lost: number[] = []
  for (let from: string | undefined = '0-0'; from !== undefined;) {
    const taken = await outbox.take(target, { count: 2, from })
    lost.push(taken.lost)
    from = taken.last
  }
  t.same(lost, [2, 2, 1, 0])
})
