// Streams whose read failed, when the store is there again: spread, so that it is not hurt at once by all of them. [DEADLINE-1]
import { mock } from 'node:test'
import t from 'tap'
import { createRetries } from '../../src/delivery/retries.js'
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
