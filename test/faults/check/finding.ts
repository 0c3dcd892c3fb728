// What the checker says: a kind, and a sentence that names the place.
import type { Asked, History } from '../record.js'

export type Kind = 'lost' | 'silent gap' | 'double' | 'disorder' | 'leak' | 'phantom' | 'stuck' | 'counts' | 'refused' | 'never fired'
export interface Finding { kind: Kind, sentence: string }

/** @returns a finding as a checker's parts give it. */
export const finding = (kind: Kind, sentence: string): Finding => ({ kind, sentence })

/** When the store had last lost something, as far as was injected: what was written before may be gone, but never silently. */
const lastLoss = ({ faults }: History): number => Math.max(0, ...faults.filter(({ isLossy }) => isLossy).map(({ to }) => to))

/** @returns whether something is answered, and asked so late that no injected loss took it: an answer from before may come after one. */
export function outlasts (history: History): (asked: Asked) => boolean {
  const loss = lastLoss(history)
  return ({ began, tried = began, answered }) => answered !== undefined && tried >= loss
}
