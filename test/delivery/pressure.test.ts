// How many requests may be under way, by the delay that is measured; with a store that answers as late as the test says.
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { shedding } from '../../src/commands/shedding.js'
import { createMeter } from '../../src/delivery/meter.js'
import { createPressure } from '../../src/delivery/pressure.js'
import { until } from '../helper/user.js'

/** `begin(n)`: so many requests more are under way; `end(n)`: the oldest are done. */
function setUp () {
  const world = { delayMs: 0, asked: 0 }
  const meter = createMeter()
  const pressure = createPressure({ meter, async ask () { world.asked++; await pause(world.delayMs) } })
  const ending: (() => void)[] = []
  return {
    world,
    meter,
    pressure,
    begin: (n: number) => { for (let i = 0; i < n; i++) void pressure.during(async () => await new Promise<void>(resolve => ending.push(resolve))) },
    end: (n: number) => { for (const done of ending.splice(0, n)) done() },
    asked: async (n: number) => { const to = world.asked + n; await until(async () => world.asked >= to || undefined) }
  }
}

t.test('[DEADLINE-2] few requests are never refused, and nobody looks at delays', async t => {
  const { world, pressure, begin, end } = setUp()
  world.delayMs = 1_000
  begin(64)
  await pause(300)
  t.equal(world.asked, 0)
  t.notOk(pressure.sheds())
  end(64)
})

t.test('[DEADLINE-2] a delay that passes refuses nobody; one that lasts does, as long as it lasts', async t => {
  const { world, meter, pressure, begin, end, asked } = setUp()
  begin(400)
  await asked(2)
  world.delayMs = 300
  await asked(2) // a garbage collection, or a long script
  world.delayMs = 0
  await asked(6)
  t.notOk(pressure.sheds())
  world.delayMs = 300
  await until(async () => pressure.sheds() || undefined)
  t.ok(meter.shed.store > 0)
  end(280) // 120 are always let in
  await pause(0)
  t.notOk(pressure.sheds())
  begin(300)
  t.ok(pressure.sheds())
  world.delayMs = 0
  await until(async () => !pressure.sheds() || undefined)
  end(420)
})

t.test('[DEADLINE-2] long turns of the event loop are too much, too, however soon the store answers', async t => {
  const { meter, pressure, begin, end } = setUp()
  begin(400)
  while (!pressure.sheds()) {
    for (const until = performance.now() + 50; performance.now() < until;);
    await turn()
  }
  t.match(meter.shed, { loop: 1, store: 0 })
  await until(async () => !pressure.sheds() || undefined)
  end(400)
})

t.test('[DEADLINE-2] without any measure, too, there is an end', async t => {
  const { pressure, begin, end } = setUp()
  begin(1_999)
  t.notOk(pressure.sheds())
  begin(1)
  t.ok(pressure.sheds())
  end(2_000)
})

t.test('[LIFE-2] whom a node refuses since it has too much to do was there all the same', async t => {
  const caller = { userId: 'bob', terminalId: 't', role: 'user' as const, issuedAt: 0, expiresAt: Infinity }
  const seen: string[] = []
  const execute = shedding(async () => 'done', {
    operations: [], pressure: { sheds: () => true, during: async work => await work() }, onAlive: ({ userId }) => seen.push(userId)
  })
  await t.rejects(execute('MSG_UP', { body: {}, query: {}, params: {}, caller, traceId: 't', receivedAt: 0 }), { code: 'OVERLOADED' })
  t.same(seen, ['bob'])
})
