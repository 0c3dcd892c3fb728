// What a terminal that comes afresh finds: what is unread and pending, no more and no less.
import type { History, Stretch, Truth } from '../record.js'
import { type Finding, finding, outlasts } from './finding.js'

export function checkBoxes (history: History): Finding[] {
  // it may have been cut and come back: what it saw until READY, all of it
  const fresh = history.stretches.filter(({ terminalId, cursor, isReady }) => terminalId === 'fresh' && cursor === undefined && isReady)
  return fresh.flatMap(stretch => [...checkMailbox(history, stretch), ...checkPending(history, stretch)])
}

function checkMailbox ({ truths }: History, { userId, sights }: Stretch): Finding[] {
  const own = truths.filter(truth => truth.userId === userId)
  const unread = own.flatMap(({ messages, readSeq }) => messages.filter(({ seq, from, type }) => seq > readSeq && from !== userId && type !== 'revoked').map(({ clientMsgId }) => clientMsgId))
  const found = sights.filter(({ event, id }) => event === 'MSG_DOWN' && id === undefined).map(({ data }) => String(data['clientMsgId']))
  return [
    ...unread.filter(id => !found.includes(id)).map(id => finding('lost', `${id} is unread, but not in the mailbox of ${userId}`)),
    ...found.filter(id => !unread.includes(id)).map(id => finding('leak', `${id} is in the mailbox of ${userId}, but not unread: ${placeOf(own, id)}`))
  ]
}

/** Why it is not unread, in words. */
function placeOf (own: Truth[], id: string): string {
  const truth = own.find(({ messages }) => messages.some(({ clientMsgId }) => clientMsgId === id))
  const message = truth?.messages.find(({ clientMsgId }) => clientMsgId === id)
  return truth && message ? `${message.type}, ${message.seq} of ${truth.conversationId}, read up to ${truth.readSeq}` : 'not in the log'
}

function checkPending (history: History, { userId, sights }: Stretch): Finding[] {
  const isSafe = outlasts(history)
  const found = new Set(sights.filter(({ event, data }) => event === 'CMD_DOWN' && data['op'] === 'do').map(({ data }) => data['cmdId']))
  const asked = new Set(history.completes.map(({ cmdId }) => cmdId))
  const pending = history.commands.filter(isSafe).filter(({ to, isReliable, stored, cmdId }) => to === userId && isReliable && stored === 1 && !asked.has(String(cmdId)))
  return pending.filter(({ cmdId }) => !found.has(cmdId)).map(({ clientCmdId }) => finding('lost', `${clientCmdId} is pending for ${userId}, but does not come`))
}
