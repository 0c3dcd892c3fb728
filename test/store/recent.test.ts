// What this process remembers of users and tokens is bounded, and the latest of it is there.
import t from 'tap'
import { createRecent } from '../../src/store/recent.js'

/** Tells which of these a memory still has; to ask keeps them. */
const known = (memory: ReturnType<typeof createRecent<number>>, keys: string[]) => keys.filter(key => memory.get(key) !== undefined)
const names = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`)

t.test('[COST-1] it holds so many at most, and the latest half of them for sure', async t => {
  const memory = createRecent<number>(100)
  names(1_000).forEach((name, i) => memory.set(name, i))
  t.same(known(memory, names(1_000).slice(-50)), names(1_000).slice(-50))
  t.ok(known(memory, names(1_000)).length <= 100)
})

t.test('[COST-1] who is asked for again and again stays, whoever else comes', async t => {
  const memory = createRecent<number>(100)
  memory.set('alice', 1)
  for (const name of names(1_000)) {
    memory.set(name, 0)
    if (memory.get('alice') !== 1) t.fail(name)
  }
  memory.delete('alice')
  t.equal(memory.get('alice'), undefined)
})

t.test('[COST-1] what weighs more leaves room for fewer', async t => {
  const memory = createRecent<number>(100, key => key.length)
  names(1_000).forEach((name, i) => memory.set(name, i))
  t.ok(known(memory, names(1_000)).join('').length <= 100)
  t.same(known(memory, ['u999', 'u998']), ['u999', 'u998'])
})
