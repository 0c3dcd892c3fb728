// Streams whose read failed, when the store is there again: spread, so that it is not hurt at once by all of them. [DEADLINE-1]
import { mock } from 'node:test'
import t from 'tap'
import { createComparison } from '../../src/hub/comparison.js'
import { Feed } from '../../src/stream/feed.js'
import { createRetries } from '../../src/stream/retries.js'
import type { Held } from '../../src/hub/waking.js'
import { Problem } from '../../src/protocol/problem.js'
import { upTo } from '../helper/sse.js'

t.test('[DEADLINE-1] when the store is there again, one who waits is woken at once, a crowd at the pace that it may ask at', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  for (const [crowd, first] of [[1, 1], [6_000, 2_500]] as const) {
    const retries = createRetries()
    const woken = new Set<number>()
    for (const n of upTo(crowd)) retries.later({ wake: () => woken.add(n) }, 10)
    retries.now()
    mock.timers.tick(crowd === 1 ? 1 : 500)
    t.ok(woken.size > 0 && woken.size <= first, `${woken.size} of ${crowd}`)
    mock.timers.tick(2_600)
    t.equal(woken.size, crowd)
  }
})

t.test('[DEADLINE-1] [LIFE-2] however often a user is to be compared while the store does not answer, ' +
  'he waits once, and no more when he has gone', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let asked = 0
  const touch = async (): Promise<never> => { asked++; throw new Problem('STORE_UNAVAILABLE') }
  const unused = async (): Promise<never> => { throw new Error('nothing is found') }
  const comparison = createComparison({
    mailbox: { touch, glance: unused },
    meter: { gaps: { sweep: 0, hint: 0 }, sweeps: 0 },
    presence: { revive: unused },
    closeKicked: unused,
    retries: createRetries()
  })
  const bob = { feed: new Feed(), connections: new Set([{ isBegun: true, position: { epoch: '', seq: 0 } } as Held]) }
  /** How often the store is asked while so much time passes. */
  async function askedIn (ms: number): Promise<number> {
    const before = asked
    mock.timers.tick(ms)
    await new Promise(resolve => setImmediate(resolve))
    return asked - before
  }
  for (const round of [1, 2]) {
    for (let i = 0; i < 20; i++) comparison.soon('bob', bob)
    await new Promise(resolve => setImmediate(resolve))
    t.equal(await askedIn(1_300), 1, `round ${round}`)
  }
  bob.connections.clear()
  t.equal(await askedIn(1_300), 0)
})
