// What a terminal that comes afresh finds: what is unread and pending, no more and no less.
import type { History, Stretch, Truth } from '../record.js'
import { type Finding, finding, outlasts } from './finding.js'
import { isFresh } from './lives.js'

export function checkBoxes (history: History): Finding[] {
  // it may have been cut and come back: what it saw until READY, all of it
  const fresh = history.stretches.filter(stretch => isFresh(stretch) && stretch.cursor === undefined && stretch.isReady)
  return [...fresh.flatMap(stretch => [...checkMailbox(history, stretch), ...checkPending(history, stretch)]), ...checkNodes(fresh)]
}

const pendingOf = ({ sights }: Stretch) =>
  new Set(sights.filter(({ event, data }) => event === 'CMD_DOWN' && data['op'] === 'do' && data.name === 'nudge')
    .map(({ data }) => data['cmdId']))

/** What is pending for a user is so at each node: none goes by a memory of its own. [STORE-1] */
function checkNodes (fresh: Stretch[]): Finding[] {
  const of = Map.groupBy(fresh, ({ userId }) => userId)
  return fresh.flatMap(here => (of.get(here.userId) ?? []).flatMap(there => [...pendingOf(here)].filter(id => !pendingOf(there).has(id))
    .map(id => finding('lost', `${String(id)} is pending for ${here.userId} at ${here.node}, and does not come at ${there.node}`))))
}

function checkMailbox ({ truths }: History, { userId, sights }: Stretch): Finding[] {
  const own = truths.filter(truth => truth.userId === userId)
  const unread = own.flatMap(({ messages, readSeq }) =>
    messages.filter(({ seq, from, type }) => seq > readSeq && from !== userId && type !== 'revoked').map(({ clientMsgId }) => clientMsgId))
  const found = sights.filter(({ event, id }) => event === 'MSG_DOWN' && id === undefined).map(({ data }) => String(data['clientMsgId']))
  return [
    ...unread.filter(id => !found.includes(id)).map(id => finding('lost', `${id} is unread, but not in the mailbox of ${userId}`)),
    ...found.filter(id => !unread.includes(id))
      .map(id => finding('leak', `${id} is in the mailbox of ${userId}, but not unread: ${placeOf(own, id)}`))
  ]
}

/** Why it is not unread, in words. */
function placeOf (own: Truth[], id: string): string {
  const truth = own.find(({ messages }) => messages.some(({ clientMsgId }) => clientMsgId === id))
  const message = truth?.messages.find(({ clientMsgId }) => clientMsgId === id)
  return truth && message ? `${message.type}, ${message.seq} of ${truth.conversationId}, read up to ${truth.readSeq}` : 'not in the log'
}

function checkPending (history: History, stretch: Stretch): Finding[] {
  const { userId } = stretch
  const isSafe = outlasts(history)
  const found = pendingOf(stretch)
  const asked = new Set(history.completes.map(({ cmdId }) => cmdId))
  const pending = history.commands.filter(isSafe)
    .filter(({ to, isReliable, stored, cmdId }) => to === userId && isReliable && stored === 1 && !asked.has(String(cmdId)))
  return pending.filter(({ cmdId }) => !found.has(cmdId))
    .map(({ clientCmdId }) => finding('lost', `${clientCmdId} is pending for ${userId}, but does not come`))
}
