// What waits while a call is under way goes with the next one, and never waits for long. docs/architecture.md.
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createTurns } from '../../src/store/script/turns.js'
import { until } from '../helper/user.js'

function calls (lingerMs?: number) {
  const sent: number[][] = []
  const ends: (() => void)[] = []
  const ask = createTurns<number, number>({
    run: some => new Promise(resolve => {
      sent.push(some)
      ends.push(() => resolve(some.map(n => -n)))
    }),
    weigh: () => 1,
    most: 3,
    ...(lingerMs !== undefined && { lingerMs })
  })
  async function inTurns (...some: number[]): Promise<Promise<number>[]> {
    const asked = []
    for (const n of some) {
      asked.push(ask(n))
      await turn()
    }
    return asked
  }
  return { sent, ends, inTurns }
}

t.test('[ATTACH-3] while a call is under way what comes waits for its end, ' +
  'and goes together; in order, and no more than a call may hold', async t => {
  const { sent, ends, inTurns } = calls(60_000)
  const asked = await inTurns(1, 2, 3)
  t.same(sent, [[1]])
  ends[0]?.()
  await until(async () => sent.length === 2 || undefined)
  asked.push(...await inTurns(4, 5, 6, 7))
  t.same(sent, [[1], [2, 3], [4, 5, 6]], 'a full one leaves at once')
  ends[1]?.()
  ends[2]?.()
  await until(async () => sent.length === 4 || undefined)
  ends[3]?.()
  t.same(await Promise.all(asked), [-1, -2, -3, -4, -5, -6, -7])
})

t.test('[DEADLINE-1] one that does not end holds nobody up for longer', async t => {
  const { sent, inTurns } = calls(5)
  await inTurns(1, 2)
  await until(async () => sent.length === 2 || undefined)
  t.same(sent, [[1], [2]])
})

t.test('without that each turn has its own', async t => {
  const { sent, inTurns } = calls()
  await inTurns(1, 2)
  t.same(sent, [[1], [2]])
})
