// The mutants can be made of this build: what each replaces stands there, once. They are run by `npm run faults -- --mutants`.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { checkEdits, mutants } from './mutants.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

for (const [name, mutant] of Object.entries(mutants)) {
  t.test(`${name}: a build that ${mutant.wrong}`, async t => t.doesNotThrow(() => checkEdits(root, mutant)))
}
