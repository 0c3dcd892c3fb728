// What was taken back does not come again: revoked texts, completed commands, anything for who was kicked. [DOWN-2] [COMPLETE-4] [KICK-1]
import type { Asked, History, Sight, Stretch } from '../record.js'
import { type Finding, finding, outlasts } from './finding.js'
import { nameOf } from './lives.js'

/** Another node than the one that answered is told within this. [DOWN-2] */
const ELSEWHERE_MS = 1_000
/** Two connections bring an answer and an event in any order; of a busy machine this much. */
const WIRE_MS = 500

export function checkRecalled (history: History): Finding[] {
  const isSafe = outlasts(history)
  const answered = <T extends Asked>(list: T[]) => list.filter((asked): asked is T & { answered: number, node: string } => isSafe(asked))
  return [
    ...answered(history.revokes).flatMap(revoke => leaks(history, revoke, ({ event, data }) =>
      event === 'MSG_DOWN' && data['clientMsgId'] === revoke.clientMsgId && data['type'] !== 'revoked')),
    ...answered(history.completes).flatMap(complete =>
      leaks(history, complete, ({ event, data }) => event === 'CMD_DOWN' && data['op'] === 'do' && data['cmdId'] === complete.cmdId)),
    ...answered(history.kicks).flatMap(kick => checkKick(history, kick))
  ]
}

/** What came although it was taken back: on a connection opened after the answer, or late on one that no fault has touched. */
function leaks (
  { stretches, faults }: History, { answered, node }: { answered: number, node: string }, isIt: (sight: Sight) => boolean
): Finding[] {
  return stretches.flatMap(stretch => {
    const known = answered + (stretch.node === node ? 0 : ELSEWHERE_MS)
    return stretch.sights.filter(isIt).filter(({ at }) =>
      stretch.began > known || (at > known + WIRE_MS && !wasBroken(faults, known - ELSEWHERE_MS, at)))
      .map(({ at, data }) =>
        finding('leak', `${nameOf(stretch)} at ${stretch.node} saw ${String(data['clientMsgId'] ?? data['clientCmdId'])} ` +
          `${Math.round(at - answered)} ms after ${node} had answered that it is gone`))
  })
}

const wasBroken = (faults: History['faults'], since: number, until: number) => faults.some(({ from, to }) => from < until && to > since)

/** A token from before a kick opens nothing after its answer, on no node. */
function checkKick (
  { stretches }: History, { began, answered, userId, terminalId }: { began: number, answered: number, userId: string, terminalId: string }
): Finding[] {
  const old = stretches.filter((stretch): stretch is Stretch =>
    stretch.userId === userId && stretch.terminalId === terminalId && stretch.tokenAt < began && stretch.began > answered)
  return old.filter(({ sights }) => sights.some(({ data }) => !data.name?.startsWith('IRIS.')))
    .map(stretch => finding('leak', `${nameOf(stretch)} was kicked, and came in again at ${stretch.node} with its old token`))
}
