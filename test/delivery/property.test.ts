// The promise of the product against a model: whatever is sent, read, revoked, completed, and wherever a client is cut,
// it has seen every entry once, in order, as it was true then. docs/protocol.md sections 4 to 6.
import fc from 'fast-check'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { brokenIds, type SseEvent } from '../helper/sse.js'
import { createModel } from './model.js'

const iris = await startIris(t)

/** What may happen. Numbers choose among what is there; `bytes`: where the next stream is cut. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), by: fc.nat(2), to: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), to: fc.nat(1), upTo: fc.nat(20), from: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revoke' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('command' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('complete' as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cut' as const), bytes: fc.integer({ min: 300, max: 6_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fresh' as const) }) }
)

t.test('[ATTACH-1] [ATTACH-3] [ATTACH-4] [DOWN-2] [DOWN-4] [COMPLETE-4] [READ-2] [REVOKE-3] a client that is ' +
  'cut anywhere has seen every entry once, in order, as it was true then', { timeout: 90_000 }, async t => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
    const [alice, bob, carol] = [await iris.user(t), await iris.user(t), await iris.user(t)]
    const model = await createModel(iris, { alice, bob, carol })
    const { epoch } = model
    let cursor = `${epoch}-0`
    let stream = await bob.listen({ terminalId: 'hop', cursor })
    model.opened()

    /** Takes the stream's end, checks what it brought, and comes back with the last id seen. */
    async function hop (cutAfterBytes?: number): Promise<void> {
      await stream.cut()
      check(stream.events, cursor)
      cursor = stream.cursor ?? cursor
      stream = await bob.listen({ terminalId: 'hop', cursor, ...(cutAfterBytes !== undefined && { cutAfterBytes }) })
      model.opened()
    }

    function check (events: SseEvent[], from: string): void {
      const broken = brokenIds(events, from) ?? model.contradiction(events, from)
      if (broken !== undefined) throw new Error(broken)
    }

    for (const todo of steps) {
      if (todo.do === 'cut') await hop(todo.bytes)
      else if (todo.do === 'fresh') await model.checkFresh()
      else await model.apply(todo)
    }
    await hop()
    await stream.next('IRIS.READY')
    check(stream.events, cursor)
    const end = `${epoch}-${model.length}`
    if (stream.cursor !== end) throw new Error(`it ends at ${stream.cursor}, the model at ${end}`)
    await stream.cut()
    await model.checkFresh()
    await model.checkCounts()
  }), { numRuns: 60, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false })
})
