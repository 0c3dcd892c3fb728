// Mutants: builds of the product with one thing wrong. The checker must find each, or it could not find the real thing either.
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Kind } from './check/finding.js'
import type { Outcome } from './outcome.js'
import { runHistory, type Schedule } from './run.js'
import * as schedules from './schedules.js'
import type { Durability } from './store.js'

/**
 * What is wrong, and the schedule that shows it. `edits`:
 * in a file of the build, a text that stands there once, and what stands there instead.
 */
export interface Mutant {
  wrong: string
  shownAs: Kind[]
  edits: [file: string, from: string, to: string][]
  schedule: Schedule
  durability?: Durability
  nodes?: number
}

export const mutants: Record<string, Mutant> = {
  gaps: {
    wrong: 'is blind to gaps: what follows a lost hint is printed on',
    shownAs: ['silent gap'],
    edits: [
      ['stream/feed.js', 'first === undefined || first.seq > seq + 1', 'first === undefined'],
      ['stream/print.js', 'item.seq !== seq + 1 || ', '']
    ],
    schedule: schedules.losingHints
  },
  completed: {
    wrong: 'keeps completed items in their box',
    shownAs: ['leak'],
    edits: [['store/script/lua/box.lua', 'taken_out[#taken_out + 1] = id', '']],
    schedule: schedules.completing
  },
  dedupe: {
    wrong: 'stores a message again that is sent again',
    shownAs: ['double'],
    edits: [['store/script/lua/append.lua', 'if memo.stored then', 'if memo.stored and false then']],
    schedule: schedules.losingAnswers,
    nodes: 1
  },
  revoked: {
    wrong: 'leaves revoked messages in mailboxes',
    shownAs: ['counts', 'leak'],
    edits: [['store/script/lua/revoke-message.lua', 'let_go(revoked, user, all[i + 1])', '']],
    schedule: schedules.revoking,
    nodes: 1
  },
  lives: {
    wrong: 'begins no new life when the store has lost something, and gives out numbers all the same',
    shownAs: ['silent gap', 'double'],
    edits: [
      ['store/script/lua/begin-life.lua', 'if why then -- newer', 'why = nil\nif why then -- newer'],
      ['store/script/lua/down.lua', ' or mark < tonumber(seen_mark)', '']
    ],
    schedule: schedules.losingPower,
    durability: 'memory'
  },
  sweep: {
    wrong: 'does not look at the streams when it may have missed something',
    shownAs: ['stuck'],
    edits: [['health/sweeper.js', 'function ask() {', 'function ask() {\nreturn;']],
    schedule: schedules.losingTheLast
  }
}

/** A mutant that gets stuck need not be waited for as long as the product: before the sweep that comes after 25 s. */
const MUTANT_SETTLE_MS = 5_000

/**
 * What stands in a file of a build when a mutant has edited it.
 * Throws when a text that is to be replaced does not stand there once: the product has changed, and the mutant must follow.
 */
function edited (root: string, [file, from, to]: Mutant['edits'][number]): string {
  const parts = readFileSync(join(root, 'src', file), 'utf8').split(from)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times what this mutant replaces: ${from}`)
  return parts.join(to)
}

/**
 * Makes the build of a mutant, always in the same place: what Node has compiled of it is there the next time.
 * @param root the build that is copied.
 * @returns its root.
 */
function buildMutant (root: string, edits: Mutant['edits'], name: string): string {
  const directory = join(root, '.mutants', name)
  const mutant = join(directory, 'build')
  rmSync(directory, { recursive: true, force: true })
  cpSync(join(root, 'src'), join(mutant, 'src'), { recursive: true })
  symlinkSync(join(root, '..', 'package.json'), join(directory, 'package.json'))
  for (const edit of edits) writeFileSync(join(mutant, 'src', edit[0]), edited(mutant, edit))
  return mutant
}

/**
 * Runs one build with several things wrong through the schedule of each, since most of a history is to start it and to look at its end.
 * Those fit together that are shown as other kinds of findings, and leave nobody stuck: that would hide the other kinds.
 */
export async function runMutant (root: string, ...names: string[]): Promise<Outcome> {
  const chosen = names.map(name => mutants[name] as Mutant)
  const act: Schedule = async stage => { for (const { schedule } of chosen) await schedule(stage) }
  const facts = {
    root: buildMutant(root, chosen.flatMap(({ edits }) => edits), names.join('-')),
    durability: chosen.find(({ durability }) => durability)?.durability ?? 'disk',
    nodes: Math.max(...chosen.map(({ nodes = 2 }) => nodes))
  }
  return await runHistory(facts, { seed: 1, act, settleMs: MUTANT_SETTLE_MS })
}

/** Runs a build through all schedules in one history: the product passes them. */
export async function runSchedules (root: string): Promise<Outcome> {
  return await runHistory({ root, durability: 'memory' }, { seed: 1, act: schedules.all })
}

/** @returns whether the checker says of a mutant what is wrong with it. */
export const isFound = ({ shownAs }: Mutant, { findings }: Outcome) => findings.some(({ kind }) => shownAs.includes(kind))
