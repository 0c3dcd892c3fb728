// The checker finds each mutant, and nothing in the product by the same schedules.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isFound, mutants, runMutant, runSchedules } from './mutants.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
t.jobs = 2

t.test('the product passes the schedules of all mutants', async t => t.same((await runSchedules(root)).findings, []))

for (const [name, mutant] of Object.entries(mutants)) {
  t.test(`${name}: a build that ${mutant.wrong} is found`, async t => {
    const found = await runMutant(root, name)
    t.ok(isFound(mutant, found), JSON.stringify(found))
  })
}
