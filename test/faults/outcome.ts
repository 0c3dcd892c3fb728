// What has become of a history: what is wrong in it, and what the faults have cost that is not wrong.
import { check } from './check/check.js'
import type { Finding } from './check/finding.js'
import type { History, Injected } from './record.js'

/** `awayMs`: from the end of a fault to the first answer to what was asked after it. */
export interface Outcome {
  findings: Finding[]
  faults: { name: string, hits: number, awayMs: number }[]
  counts: Record<string, number>
  /** Why each other life of the store began. */
  lives: string[]
  ms: number
}

/** @param began when it did, on the monotonic clock. */
export function outcomeOf (history: History, began: number): Outcome {
  const { stretches, sends, revokes, commands, completes, reads, kicks, faults } = history
  const lists = { stretches, sends, revokes, commands, completes, reads, kicks }
  return {
    ms: Math.round(performance.now() - began),
    findings: check(history),
    lives: [...history.lives.values()],
    faults: faults.map(fault => ({ name: fault.name, hits: fault.hits, awayMs: awayMs(history, fault) })),
    counts: {
      ...Object.fromEntries(Object.entries(lists).map(([name, { length }]) => [name, length])),
      sights: stretches.reduce((sum, { sights }) => sum + sights.length, 0),
      resets: stretches.filter(({ isReset }) => isReset).length,
      lost: lostOf(history),
      lives: history.lives.size
    }
  }
}

function awayMs ({ sends, reads, commands }: History, { to }: Injected): number {
  const after = [sends, reads, commands].flat().filter(({ tried = 0 }) => tried >= to)
  return Math.round(Math.min(...after.map(({ answered = Infinity }) => answered)) - to)
}

/** How many messages were acknowledged, and are not there in the end. */
function lostOf ({ sends, truths }: History): number {
  const there = new Set(truths.flatMap(({ messages }) => messages.map(({ clientMsgId }) => clientMsgId)))
  return there.size === 0 ? 0 : sends.filter(({ answered, clientMsgId }) => answered !== undefined && !there.has(clientMsgId)).length
}
