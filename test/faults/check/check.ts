// The checker: what a history must not show, whatever was injected. It knows nothing of how the product works.
import type { History } from '../record.js'
import { checkBoxes } from './boxes.js'
import { checkFeed } from './feed.js'
import { checkLog } from './log.js'
import { checkRecalled } from './recalled.js'
import { checkStreams } from './streams.js'
import { type Finding, finding } from './finding.js'

/** @returns all that is wrong in a history; what is stuck stands alone, since nothing can be said of the rest then. */
export function check (history: History): Finding[] {
  const unfired = history.faults.filter(({ hits }) => hits === 0).map(({ name }) => finding('never fired', name))
  if (history.stuck.length > 0) return [...unfired, ...history.stuck.map(sentence => finding('stuck', sentence)), ...checkStreams(history)]
  return [
    ...unfired, ...checkStreams(history), ...checkLog(history), ...checkBoxes(history), ...checkRecalled(history), ...checkFeed(history)
  ]
}
