// The checker finds each mutant, and nothing in the product by the same schedules.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isFound, type Mutant, mutants, runMutant, runSchedules } from './mutants.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
t.jobs = 2

t.test('the product passes the schedules of all mutants', async t => t.same((await runSchedules(root)).findings, []))

/** Those of a build; `npm run faults -- --mutants` builds each by itself. */
const builds = [['gaps'], ['completed'], ['dedupe', 'revoked'], ['lives'], ['sweep']]

t.test('each mutant is in one build, beside such as are shown otherwise', async t => {
  t.same(builds.flat().sort(), Object.keys(mutants).sort())
  for (const names of builds) {
    const kinds = names.flatMap(name => mutants[name]?.shownAs ?? [])
    t.same(kinds, [...new Set(kinds)])
  }
})

for (const names of builds) {
  t.test(`${names.join(', ')}: a build that ${names.map(name => mutants[name]?.wrong).join(', and ')} is found`, async t => {
    const found = await runMutant(root, ...names)
    for (const name of names) t.ok(isFound(mutants[name] as Mutant, found), `${name}: ${JSON.stringify(found)}`)
  })
}
