// The lanes of a node: one for each webhook, whatever changes meanwhile; and the order within one. [WEBHOOK-4]
import t from 'tap'
import { type CourierFloor, createCourier } from '../../src/webhooks/courier.js'
import { createDispatcher } from '../../src/webhooks/dispatcher.js'
import { createOrder } from '../../src/webhooks/order.js'
import type { Target } from '../../src/store/webhook/targets.js'
import { until } from '../helper/user.js'

t.test('[WEBHOOK-4] looks that wait for the same one are one look: a changed webhook has one lane, and each lane ends', async t => {
  const target = (url: string): Target => ({ id: 'w', url, secrets: ['s'], createdAt: 1 })
  let targets = [target('a')]
  const begun: string[] = []
  const ended: string[] = []
  const isListed: PromiseWithResolvers<void>[] = []
  const dispatcher = createDispatcher({
    async list () {
      const found = targets
      await isListed.shift()?.promise
      return found
    },
    makeLane (target) {
      const name = `${target.url}${begun.filter(one => one.startsWith(target.url)).length}`
      begun.push(name)
      // each end takes longer than the one before
      const stop = async () => {
        for (let turn = 0, turns = 1 + ended.length; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
        ended.push(name)
      }
      return { target, waiting: () => 0, stop }
    },
    log: { error: (_, message) => t.fail(message) }
  })
  await dispatcher.look()
  isListed.push(Promise.withResolvers())
  const [first] = isListed
  const looks = [dispatcher.look(), dispatcher.look(), dispatcher.look()]
  targets = [target('b')]
  first?.resolve()
  await Promise.all(looks)
  t.same(begun, ['a0', 'b0'])
  await dispatcher.stop()
  t.same(ended, ['a0', 'b0'])
})

t.test('[WEBHOOK-4] what was read again stays in the order when an earlier attempt at it comes to its end', async t => {
  const order = createOrder()
  const due = (n: number) => ({ position: `1-${n}`, event: { id: `1-${n}`, type: 'user.online', ts: 1, userId: 'bob' }, until: 1 })
  order.add(due(1))
  const earlier = order.next()
  order.clear()
  for (const n of [1, 2]) order.add(due(n))
  if (typeof earlier !== 'number') order.remove(earlier)
  const again = order.next()
  t.match(again, { position: '1-1' })
  if (typeof again !== 'number') order.remove(again)
  t.match(order.next(), { position: '1-2' }, 'and what stands behind it goes on')
})

t.test('[WEBHOOK-5] one that answered 410, and was not disabled since it is not as it was, is told on', async t => {
  const answers = ['gone', 'delivered'] as const
  let asked = 0
  const done: string[] = []
  const courier = createCourier({ id: 'w', createdAt: 1 }, { mayCarry: () => true, onDone: position => { done.push(position) } }, {
    outbox: { trouble: async () => undefined } as unknown as CourierFloor['outbox'],
    attempt: async () => ({ kind: answers[asked++] ?? 'delivered', reason: 'it answered' }),
    onGone: async () => false,
    limits: { webhookPauseSec: 0.001, webhookAtOnce: 1, webhookPending: 1 } as CourierFloor['limits'],
    now: () => 1,
    counts: { delivered: 0, failed: 0, dead: 0, lost: 0 },
    log: { info: () => undefined, warn: () => undefined, error: (_, message) => t.fail(message) }
  })
  courier.add({ position: '1-1', event: { id: '1-1', type: 'user.online', ts: 1 }, until: 2 })
  courier.carry()
  t.equal(await until(async () => done[0]), '1-1')
  t.equal(asked, 2)
})
