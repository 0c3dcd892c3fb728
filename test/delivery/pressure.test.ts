// How many requests are worked on at once, how many wait, and who is refused.
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { shedding } from '../../src/commands/shedding.js'
import { createMeter } from '../../src/health/meter.js'
import { createPressure } from '../../src/health/pressure.js'
import { overloaded } from '../../src/protocol/problem.js'
import { until } from '../helper/user.js'

const caller = { userId: 'bob', terminalId: 't', role: 'user' as const, issuedAt: 0, expiresAt: Infinity }

/**
 * `come(n)`: so many more come; `end(n)`: the oldest that are worked on are done;
 * `world` tells who was begun, in order, and who was refused.
 */
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

/** Ends whatever is worked on or waits. */
async function drain ({ world, end, underWay }: ReturnType<typeof setUp>): Promise<void> {
  while (world.begun.length + world.refused.length < world.come || underWay() > 0) {
    end(64)
    await pause(0)
  }
}

/** Does it turn by turn until something holds; fails when that takes longer than all else here. */
async function turnByTurn (holds: () => boolean, what: () => void): Promise<void> {
  for (const late = performance.now() + 20_000; !holds(); await turn()) {
    what()
    if (performance.now() > late) throw new Error(`it never came true: ${String(holds)}`)
  }
}

/** Keeps the event loop busy for so long, ms. */
function work (ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

t.test('[DEADLINE-2] few requests never wait; of more, ' +
  'as many are worked on as have been done, in the order in which they came', async t => {
  const it = setUp()
  const { world, pressure, come, end, underWay } = it
  come(64)
  await pause(0)
  t.equal(world.begun.length, 64)
  come(10)
  t.notOk(pressure.refuses(), 'a burst waits')
  t.equal(world.begun.length, 64)
  end(3)
  come(1)
  await pause(0)
  t.equal(underWay(), 64, 'nobody comes in between')
  await drain(it)
  t.same(world.begun, [...world.begun].sort((a, b) => a - b))
  t.same(world.refused, [])
})

t.test('[DEADLINE-2] who would wait too long is refused, ' +
  'by how soon one after another is done; when nobody waits, he is let in', async t => {
  const it = setUp()
  const { meter, pressure, come, end } = it
  come(64 + 200)
  await turnByTurn(() => pressure.refuses(), () => {
    work(2) // 200 times that
    end(1)
  })
  t.match(meter.shed, { loop: 1, store: 0 })
  await drain(it)
  t.notOk(pressure.refuses())
})

t.test('[DEADLINE-2] more than 2,000 never wait', async t => {
  const it = setUp()
  it.come(64 + 1_999)
  t.notOk(it.pressure.refuses())
  it.come(1)
  t.ok(it.pressure.refuses())
  await drain(it)
})

t.test('[DEADLINE-2] when nothing is done any more, who comes is refused, and who waits does not wait for ever', async t => {
  const it = setUp()
  const { world, meter, pressure, come, end } = it
  come(64 + 1_000)
  await until(async () => pressure.refuses() || undefined)
  await until(async () => world.refused.length + world.begun.length === 64 + 1_000 || undefined)
  t.same([...new Set(world.refused)], ['OVERLOADED'])
  t.ok(world.begun.length < 64 * 8, `${world.begun.length} were begun, though nothing came back`)
  t.equal(meter.shed.store + meter.shed.loop, world.refused.length + 1)
  end(world.begun.length)
})

t.test('[DEADLINE-2] a store that is far away is asked for more at once; ' +
  'when it is near again, and the process busy, that is forgotten', async t => {
  /** A burst to a store that is far away. @returns what it came to; undefined where the machine has held up this process itself. */
  async function burst () {
    const it = setUp()
    const { world, meter, come, end, underWay } = it
    const FAR_MS = 400
    for (let i = 0; i < 4; i++) { // how long it takes is known from a few
      come(16)
      await pause(FAR_MS)
      end(16)
    }
    come(300)
    const answers = setInterval(() => { setTimeout(end, FAR_MS, underWay()) }, 20)
    await until(async () => world.begun.length + world.refused.length === world.come || undefined)
    clearInterval(answers)
    await drain(it)
    return meter.shed.loop > 0 ? undefined : it
  }

  const it = await until(burst)
  const { world, meter, pressure, come, end, underWay } = it
  t.same(world.refused, [], 'a burst is none')
  t.equal(meter.shed.store, 0)

  await pause(1_500) // twice as long as it takes to forget, in looks
  come(64 + 300)
  await turnByTurn(() => pressure.refuses(), () => {
    work(2)
    end(1)
  })
  t.ok(underWay() <= 128, `${underWay()} were worked on at once`)
  await drain(it)
})

t.test('[DEADLINE-2] that the process stood still is no reason to refuse who waits, when the answers have come', async t => {
  const it = setUp()
  const { world, come, end, underWay } = it
  come(64 + 40)
  await pause(120)
  // the answers come while nobody reads them, and are read in the next turn
  await turn()
  work(900)
  setImmediate(() => end(underWay()))
  await until(async () => world.begun.length + world.refused.length === 104 || undefined)
  t.same(world.refused, [])
  await drain(it)
})

t.test('[DEADLINE-2] when refusals take the time of those who were let in, ' +
  'more are worked on at once: each turn does as much as before', async t => {
  const it = setUp()
  const { world, pressure, come, end, underWay } = it
  come(64 + 150)
  await turnByTurn(() => underWay() >= 100, () => {
    end(1)
    come(1)
    for (let i = 0; i < 3; i++) pressure.refuses()
    work(2)
  })
  t.notOk(world.begun.length === world.come, 'of those who wait')
  await drain(it)
})

t.test('[LIFE-2] who has waited, and is refused after all, was there, too', async t => {
  const seen: string[] = []
  const execute = shedding(async () => 'done', {
    operations: [],
    pressure: { refuses: () => false, during: async () => { throw overloaded() } },
    onAlive: ({ userId }) => seen.push(userId)
  })
  await t.rejects(execute('MSG_UP', { body: {}, query: {}, params: {}, caller, traceId: 't', receivedAt: 0 }), { code: 'OVERLOADED' })
  t.same(seen, ['bob'])
})

t.test('[LIFE-2] whom a node refuses since it has too much to do was there all the same', async t => {
  const seen: string[] = []
  const execute = shedding(async () => 'done', {
    operations: [], pressure: { refuses: () => true, during: async work => await work() }, onAlive: ({ userId }) => seen.push(userId)
  })
  await t.rejects(execute('MSG_UP', { body: {}, query: {}, params: {}, caller, traceId: 't', receivedAt: 0 }), { code: 'OVERLOADED' })
  t.same(seen, ['bob'])
})
t.test('[HOOK-5] who waits for what is not this node\'s work leaves room for others, and comes back without a wait', async t => {
  const { world, pressure, come, end } = setUp()
  const { promise, resolve } = Promise.withResolvers<void>()
  const away = Array.from({ length: 64 }, () => pressure.during(async () => {
    await pressure.aside(() => promise)
    return world.begun.length
  }))
  come(64)
  t.equal(world.begun.length, 64, 'as if nobody were there')
  come(1)
  t.equal(world.begun.length, 64)
  resolve()
  t.same(new Set(await Promise.all(away)), new Set([64]))
  end(1)
  await turn()
  t.equal(world.begun.length, 65)
  end(64)
})
