// The checker finds mutants, and nothing in the product by the schedules of all.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isFound, type Mutant, mutants, runMutant, runSchedules } from './mutants.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
t.jobs = 2

t.test('the product passes the schedules of all mutants', async t => t.same((await runSchedules(root)).findings, []))

/** Those of a build. The others, and each by itself, are shown by `npm run faults -- --mutants`: a history costs 5 s of CPU. */
const builds = [['gaps'], ['dedupe', 'revoked'], ['sweep']]

t.test('mutants of one build are shown as different kinds', async t => {
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
