// How many requests are worked on at once, how many wait, and who is refused.
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { shedding } from '../../src/commands/shedding.js'
import { createMeter } from '../../src/delivery/meter.js'
import { createPressure } from '../../src/delivery/pressure.js'
import { until } from '../helper/user.js'

/** `come(n)`: so many more come; `end(n)`: the oldest that are worked on are done; `world` tells who was begun, in order, and who was refused. */
function setUp () {
  const meter = createMeter()
  const pressure = createPressure({ meter })
  const world = { come: 0, begun: [] as number[], refused: [] as string[] }
  const ending: (() => void)[] = []
  const one = (n: number) => pressure.during(async () => {
    world.begun.push(n)
    await new Promise<void>(resolve => ending.push(resolve))
  }).catch(({ code }: { code: string }) => { world.refused.push(code) })
  return {
    world,
    meter,
    pressure,
    come: (n: number) => { for (let i = 0; i < n; i++) void one(world.come++) },
    end: (n: number) => { for (const done of ending.splice(0, n)) done() },
    underWay: () => ending.length
  }
}

/** Keeps the event loop busy for so long, ms. */
function work (ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

t.test('[DEADLINE-2] few requests never wait; of more, as many are worked on as have been done, in the order in which they came', async t => {
  const { world, pressure, come, end, underWay } = setUp()
  come(64)
  await pause(0)
  t.equal(world.begun.length, 64)
  come(10)
  t.notOk(pressure.sheds(), 'a burst waits')
  t.equal(world.begun.length, 64)
  end(3)
  come(1)
  await pause(0)
  t.equal(underWay(), 64, 'nobody comes in between')
  for (; world.begun.length < 75; await pause(0)) end(1)
  t.same(world.begun, [...world.begun].sort((a, b) => a - b))
  t.same(world.refused, [])
  end(64)
})

t.test('[DEADLINE-2] who would wait too long is refused, by how soon one after another is done; when they are done sooner, he is let in', async t => {
  const { world, meter, pressure, come, end, underWay } = setUp()
  come(64 + 200)
  await pause(0)
  for (; !pressure.sheds(); work(2)) {
    end(1) // 200 times 2 ms
    await turn()
  }
  t.match(meter.shed, { loop: 1, store: 0 })
  while (world.begun.length + world.refused.length < 264 || underWay() > 0) {
    end(64)
    await pause(0)
  }
  t.notOk(pressure.sheds(), 'nobody waits any more')
})

t.test('[DEADLINE-2] when nothing is done any more, who comes is refused, and who waits does not wait for ever', async t => {
  const { world, meter, pressure, come, end } = setUp()
  come(64 + 1_000)
  await until(async () => pressure.sheds() || undefined)
  await until(async () => world.refused.length + world.begun.length === 64 + 1_000 || undefined)
  t.same([...new Set(world.refused)], ['OVERLOADED'])
  t.ok(world.begun.length < 64 * 8, `${world.begun.length} were begun, though nothing came back`)
  t.equal(meter.shed.store + meter.shed.loop, world.refused.length + 1)
  end(world.begun.length)
})

t.test('[DEADLINE-2] while a store is far away, and this process has time, more is asked of it at once; as soon as the process is busy, less', async t => {
  const { world, meter, pressure, come, end, underWay } = setUp()
  const far = setInterval(() => end(underWay()), 20)
  t.teardown(() => clearInterval(far))
  for (; underWay() < 200; await pause(1)) come(200 - (world.come - world.begun.length))
  clearInterval(far)
  t.notOk(meter.shed.loop)
  const atOnce = underWay()
  for (; underWay() >= atOnce / 2; await turn()) {
    end(2)
    come(2)
    work(5)
  }
  t.pass('fewer are begun than are done')
  while (world.begun.length + world.refused.length < world.come || underWay() > 0) {
    end(64)
    await pause(0)
  }
  t.notOk(pressure.sheds())
})

t.test('[DEADLINE-2] when refusals take the time of those who were let in, more are worked on at once: each turn does as much as before', async t => {
  const { world, pressure, come, end, underWay } = setUp()
  come(64 + 150)
  for (; underWay() < 100; await turn()) {
    end(1)
    come(1)
    for (let i = 0; i < 3; i++) pressure.sheds()
    work(2)
  }
  t.pass('of those who wait')
  while (world.begun.length + world.refused.length < world.come || underWay() > 0) {
    end(64)
    await pause(0)
  }
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
