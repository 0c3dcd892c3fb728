// What the checker says: a kind, and a sentence that names the place.
import type { History } from '../record.js'

export type Kind = 'lost' | 'silent gap' | 'double' | 'disorder' | 'leak' | 'phantom' | 'stuck' | 'counts' | 'refused' | 'never fired'
export interface Finding { kind: Kind, sentence: string }

/** @returns a finding as a checker's parts give it. */
export const finding = (kind: Kind, sentence: string): Finding => ({ kind, sentence })

/** When the store last lost something, as far as was injected: what was answered before may be gone, but never silently. */
export const lastLoss = ({ faults }: History): number => Math.max(0, ...faults.filter(({ isLossy }) => isLossy).map(({ to }) => to))
