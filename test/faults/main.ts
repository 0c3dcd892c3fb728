// npm run faults: seeded histories of faults, and the mutants that prove the checker. See usage below.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { drawFaults } from './inject.js'
import { isFound, mutants, runMutant, runSchedules } from './mutants.js'
import type { Outcome } from './outcome.js'
import { createRandom } from './random.js'
import { runHistory } from './run.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

const usage = `npm run faults                    three seeds
npm run faults -- --seed 17       one, again
npm run faults -- --seeds 50      so many, from 1 on
  --from 100                      where the seeds begin
  --faults 12                     faults in each
  --only failover                 only such whose names have this word
  --durability memory             a Redis that answers before it writes
npm run faults -- --mutants       builds with one thing wrong, each of which must be found
`

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const { values } = parsed(() =>
  parseArgs({ options: { seed: text, seeds: text, from: text, faults: text, only: text, durability: text, mutants: flag, help: flag } }))

/** Ends the process with one sentence. */
function refuse (sentence: string): never {
  process.stderr.write(`npm run faults: ${sentence}\n`)
  process.exit(2)
}

function parsed<T> (parse: () => T): T {
  try { return parse() } catch (error) { refuse((error as Error).message) }
}

/** @returns the number of an option, 1 or more. */
function numberOf (name: 'seed' | 'seeds' | 'from' | 'faults', otherwise: number): number {
  const number = Number(values[name] ?? otherwise)
  if (!Number.isInteger(number) || number < 1) refuse(`--${name} must be an integer from 1 on`)
  return number
}

if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}

/** Runs histories from seeds. @returns how many were broken. */
async function runSeeds (): Promise<number> {
  const from = numberOf('seed', numberOf('from', 1))
  const seeds = Array.from({ length: values.seed === undefined ? numberOf('seeds', 3) : 1 }, (_, i) => from + i)
  const { durability = 'disk', only } = values
  if (durability !== 'disk' && durability !== 'memory') refuse('--durability must be disk or memory')
  const faults = numberOf('faults', 6)
  if (drawFaults(createRandom(from), { faults, only }, durability).length === 0) {
    refuse(`no fault's name has "${only}", under --durability ${durability}`)
  }
  const totals = new Map<string, number>()
  let broken = 0
  for (const seed of seeds) {
    const outcome = await runHistory({ root, durability }, { seed, faults, only })
    for (const [name, count] of Object.entries({ ...outcome.counts, faults: outcome.faults.length })) {
      totals.set(name, (totals.get(name) ?? 0) + count)
    }
    print(`seed ${seed}`, outcome)
    if (outcome.findings.length > 0) broken++
  }
  process.stdout.write(`${seeds.length} histories, ${broken} broken: ${JSON.stringify(Object.fromEntries(totals))}\n`)
  return broken
}

function print (name: string, { findings, faults, counts, lives, ms }: Outcome): void {
  process.stdout.write(`${name}: ${findings.length === 0 ? 'sound' : 'BROKEN'}, ${ms} ms, ${JSON.stringify(counts)}\n`)
  for (const { name, hits, awayMs } of faults) process.stdout.write(`  ${name}: hit ${hits}, answered again after ${awayMs} ms\n`)
  if (lives.length > 0) process.stdout.write(`  other lives of the store: ${lives.join(', ')}\n`)
  for (const { kind, sentence } of findings.slice(0, 20)) process.stdout.write(`  ${kind}: ${sentence}\n`)
}

/** Runs every mutant and, through all of their schedules, the product. @returns how many were not told apart. */
async function runMutants (): Promise<number> {
  const sound = await runSchedules(root)
  print('the product', sound)
  let missed = sound.findings.length > 0 ? 1 : 0
  for (const [name, mutant] of Object.entries(mutants)) {
    const found = await runMutant(root, name)
    print(`${name}: a build that ${mutant.wrong}`, found)
    if (!isFound(mutant, found)) missed++
  }
  process.stdout.write(`${Object.keys(mutants).length} mutants, ${missed} not told from the product\n`)
  return missed
}

process.exitCode = await (values.mutants ? runMutants() : runSeeds()) > 0 ? 1 : 0
