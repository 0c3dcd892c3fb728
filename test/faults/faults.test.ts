// Histories from seeds, as `npm run faults` has more of them: whatever was injected, nothing is lost, doubled, leaked or stuck.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runHistory } from './run.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
t.jobs = 2

for (const [seed, durability] of [[1, 'disk'], [3, 'memory']] as const) {
  t.test(`[STORE-1] [MSG-4] [ATTACH-1] [EVENT-1] a history of faults, seed ${seed}, durability ${durability}`, async t => {
    const { findings, faults } = await runHistory({ root, durability }, { seed, faults: 3 })
    t.same(findings, [], JSON.stringify(faults))
  })
}
