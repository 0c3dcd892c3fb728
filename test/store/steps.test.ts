// Work on many at once. docs/protocol.md section 2.
import t from 'tap'
import { inSteps } from '../../src/store/redis/steps.js'
import { upTo } from '../helper/sse.js'

t.test('[COST-1] so many begin at once, and the others when these are done; the results are in order', async t => {
  let [begun, most] = [0, 0]
  const results = await inSteps(upTo(60), async one => {
    most = Math.max(most, ++begun)
    await Promise.resolve()
    begun--
    return one
  })
  t.same(results, upTo(60))
  t.equal(most, 25)
})

t.test('[DEADLINE-1] a step does not wait for the way of the one before', async t => {
  const { promise: allHaveBegun, resolve } = Promise.withResolvers<void>()
  let begun = 0
  t.same(await inSteps(upTo(500), async one => {
    if (++begun === 500) resolve()
    await allHaveBegun
    return one
  }), upTo(500))
})

t.test('what failed ends the work: no more is begun', async t => {
  let begun = 0
  await t.rejects(inSteps(upTo(500), async one => {
    begun++
    if (one === 30) throw new Error('the thirtieth')
  }), { message: 'the thirtieth' })
  t.equal(begun, 50)
})
