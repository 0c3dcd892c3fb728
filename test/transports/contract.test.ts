// The delivery contract, run by every transport; and a reader that hops between them. [POLL-1]
import fc from 'fast-check'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { seqsOf, type SseEvent } from '../helper/sse.js'
import { dm } from '../helper/user.js'
import { deliveryContract, transports } from './contract.js'

for (const [name, open] of Object.entries(transports)) {
  await t.test(name, t => deliveryContract(t, open))
}

t.test('[POLL-1] a reader that changes transport at any event misses nothing and sees nothing twice', async t => {
  const iris = await startIris(t)
  const hop = fc.record({
    transport: fc.constantFrom('sse', 'poll', 'ws' as const),
    sends: fc.integer({ min: 0, max: 6 }),
    reads: fc.integer({ min: 0, max: 8 })
  })
  await fc.assert(fc.asyncProperty(fc.array(hop, { minLength: 2, maxLength: 8 }), async hops => {
    const [alice, bob] = [await iris.user(t), await iris.user(t)]
    const first = await transports.sse(iris.url, bob)
    let cursor = (await first.next('IRIS.READY')).id
    await first.cut()
    const seen: SseEvent[] = []
    let sent = 0
    for (const { transport, sends, reads } of [...hops, { transport: 'ws' as const, sends: 1, reads: Infinity }]) {
      const reader = await transports[transport](iris.url, bob, { cursor })
      for (let i = 0; i < sends; i++) await alice.send(bob, String(++sent))
      // reads some of what is there, then leaves at that event
      const wanted = Math.min(reads, sent - seen.length)
      let taken = 0
      for (; taken < wanted; taken++) {
        const event = await reader.next('MSG_DOWN')
        seen.push(event)
        cursor = event.id
      }
      await reader.cut()
    }
    return seqsOf(seen, dm(alice, bob)).join() === Array.from({ length: sent }, (_, i) => i + 1).join()
  }), { numRuns: 25 })
})
