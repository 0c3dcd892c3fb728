// The clock of Redis as a process knows it. docs/protocol.md section 2, [TIME-1].
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { keys, partition } from '../../src/store/keys.js'
import { createLife } from '../../src/store/life/life.js'
import { createClock } from '../../src/store/redis/clock.js'
import { HOUR_MS } from '../helper/clock.js'
import { startRedis, timeOf } from '../helper/redis.js'

const { redis } = await startRedis(t)

const theirs = () => timeOf(redis)

/** What a slow way makes wrong is far more than what a fast one does. */
const SLOW_MS = 400
const isRight = async (now: () => number, ms = 0) => Math.abs(now() - ms - await theirs()) < SLOW_MS / 4

/** The time of a Redis whose clock is `ahead` ms ahead, by a way whose answers come late. */
function farAway () {
  const way = { ahead: 0, lateMs: 0 }
  const time = async () => {
    const [seconds, micros] = await redis.time()
    await delay(way.lateMs)
    return [Number(seconds) + way.ahead / 1000, Number(micros)] as [number, number]
  }
  return { way, time: time as unknown as typeof redis.time }
}

t.test('[TIME-1] the machine\'s clock is asked for nothing once Redis was', async t => {
  const real = Date.now
  const clock = createClock(redis)
  t.same([clock.isKnown(), clock.known()], [false, 0])
  await clock.adjust()
  t.equal(clock.isKnown(), true)
  t.teardown(() => { Date.now = real })
  for (const hours of [-1, 1]) {
    Date.now = () => real() + hours * HOUR_MS
    t.ok(await isRight(clock.now), `jumped by ${hours} h`)
    await clock.adjust()
    t.ok(await isRight(clock.known), 'and asked again')
    t.ok(await isRight(await adjusted(createClock(redis))), 'and one that begins then')
  }
})

async function adjusted (clock: ReturnType<typeof createClock>) {
  await clock.adjust()
  return clock.now
}

t.test('[TIME-1] a slow round trip spoils nothing; Redis\' own clock is followed when it is set', async t => {
  const { way, time } = farAway()
  const clock = createClock({ time })
  await clock.adjust()
  way.lateMs = SLOW_MS
  await clock.adjust(1)
  t.ok(await isRight(clock.now), 'though all answers of this time were late')
  way.ahead = -HOUR_MS
  await clock.adjust(1)
  way.lateMs = 0
  await clock.adjust(1)
  t.ok(await isRight(clock.now, -HOUR_MS))
  way.ahead = HOUR_MS
  await clock.adjust(1)
  t.ok(await isRight(clock.now, HOUR_MS))
})

t.test('[TIME-1] [ATTACH-1] a life is newer than all that was before it, though Redis\' clock comes back slow', async t => {
  const begin = async (known: number) => {
    await redis.set(keys.run, 'another process')
    const life = createLife(redis, { known: () => known })
    await life.begin()
    return Number(life.epochOf('0')) / 4096
  }
  const first = await begin(0)
  t.ok(first <= await theirs() && first > await theirs() - HOUR_MS, 'that of Redis when nothing is later')
  const known = Math.floor(await theirs()) + HOUR_MS
  t.equal(await begin(known), known, 'than what a gateway knows')
  const given = (known + HOUR_MS) * 32 + 5
  await redis.set(keys.epoch(partition('anybody')), given)
  const third = await begin(known)
  t.ok(third * 4096 > given * 128 + 127, 'than every epoch that was given')
  t.equal(await begin(0), third + 1, 'than the life before')
})

t.test('[TIME-1] it is said that Redis\' own clock was set, whichever way; not that an answer was late', async t => {
  const { way, time } = farAway()
  let said = 0
  const clock = createClock({ time }, { onSet: () => { said++ } })
  await clock.adjust()
  way.lateMs = SLOW_MS
  await clock.adjust(1)
  way.lateMs = 0
  await clock.adjust()
  t.equal(said, 0)
  for (const ahead of [HOUR_MS, 0, -2_000]) {
    way.ahead = ahead
    await clock.adjust()
  }
  t.equal(said, 3, 'once for each time')
})
