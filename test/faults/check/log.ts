// The conversations when all is over: what was acknowledged is there, once, under its number, and has reached those it was for.
import type { History, Send, Truth } from '../record.js'
import { type Finding, finding, outlasts } from './finding.js'
import { isFresh, isMessage, livesOf, nameOf } from './lives.js'

export function checkLog (history: History): Finding[] {
  return [
    ...history.truths.flatMap(truth => [...checkNumbers(truth), ...checkCounts(history, truth)]), ...checkSends(history),
    ...checkArrivals(history), ...checkMemories(history), ...checkAnswers(history)
  ]
}

function checkNumbers ({ userId, conversationId, messages, minSeq, headSeq }: Truth): Finding[] {
  const where = `${conversationId} as ${userId} reads it`
  const numbers = messages.map(({ seq }) => seq)
  const ids = messages.map(({ clientMsgId }) => clientMsgId)
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i)
  const isWhole = numbers.length === headSeq - minSeq + 1 && numbers.every((seq, i) => seq === minSeq + i)
  return [
    ...(isWhole ? [] : [finding('lost', `${where} is not whole from ${minSeq} to ${headSeq}: ${numbers.join(' ')}`)]),
    ...twice.map(id => finding('double', `${id} stands twice in ${where}`))
  ]
}

/** Unread is what others have written since, and have not taken back. */
function checkCounts (history: History, { userId, conversationId, messages, readSeq, unread }: Truth): Finding[] {
  const expected = messages.filter(({ seq, from, type }) => seq > readSeq && from !== userId && type !== 'revoked').length
  // the number of a message that was lost is the head's to cut, until another message bears it
  const there = history.sends.filter(outlasts(history)).filter(send => send.conversationId === conversationId)
  const said = history.reads.filter(outlasts(history)).filter(read => read.userId === userId && read.conversationId === conversationId &&
    there.some(({ seq, answered = Infinity }) => seq === read.upToSeq && answered <= read.began))
  const read = Math.max(0, ...said.map(({ upToSeq }) => upToSeq))
  return [
    ...(unread === expected ? [] : [finding('counts', `${userId} has ${unread} unread in ${conversationId}, and should have ${expected}`)]),
    ...(readSeq >= read || read > (messages.at(-1)?.seq ?? 0)
      ? []
      : [finding('counts', `${userId} has read ${conversationId} up to ${read}, but it says ${readSeq}`)])
  ]
}

/** What is acknowledged is in the log, under the number that the answer said. */
function checkSends (history: History): Finding[] {
  const logs = new Map(history.truths.map(({ conversationId, messages }) => [conversationId, messages]))
  for (const { conversationId, messages } of history.truths) {
    if (messages.length > (logs.get(conversationId)?.length ?? 0)) logs.set(conversationId, messages)
  }
  const isSafe = outlasts(history)
  return history.sends.flatMap(send => {
    const { clientMsgId, conversationId, seq, answered, refused } = send
    if (refused !== undefined) return [finding('refused', `${clientMsgId}: ${refused}`)]
    if (seq === undefined || answered === undefined) return []
    const stored = logs.get(conversationId)?.find(message => message.clientMsgId === clientMsgId)
    if (stored?.seq === seq || !isSafe(send)) return []
    return [
      finding('lost', `${clientMsgId}, acknowledged as ${seq} of ${conversationId}, is ${stored ? `there as ${stored.seq}` : 'not there'}`)
    ]
  })
}

/** Who was there when it was sent has seen it, unless he was told by RESET that he must fetch. */
function checkArrivals (history: History): Finding[] {
  const first = livesOf(history).filter(life => life.isFirst && life.isLast && !isFresh(life))
  return first.flatMap(life => {
    const seen = new Set(life.entries.filter(isMessage).map(({ data }) => data['clientMsgId']))
    return history.sends.filter(send => isFor(send, history, life.userId) && !seen.has(send.clientMsgId))
      .filter(outlasts(history))
      .map(({ clientMsgId }) => finding('lost', `${nameOf(life)} never saw ${clientMsgId}`))
  })
}

const isFor = (send: Send, { stays }: History, userId: string) =>
  stays.some(stay => stay.userId === userId && stay.conversationId === send.conversationId &&
    send.began > stay.joined && send.answered !== undefined && send.answered < (stay.leaving ?? Infinity))

/** What a reader remembers of its last life is what is true: a store that lost something must have told it so. [STORE-1] */
function checkMemories (history: History): Finding[] {
  const last = livesOf(history).filter(life => life.isLast && !isFresh(life))
  return last.flatMap(life => life.entries.filter(isMessage).flatMap(({ data }) => {
    const truth = history.truths.find(({ userId, conversationId }) => userId === life.userId && conversationId === data['conversationId'])
    const there = truth?.messages.find(({ seq }) => seq === data['seq'])
    if (!truth || Number(data['seq']) < truth.minSeq || there?.clientMsgId === data['clientMsgId']) return []
    return [finding('silent gap', `${nameOf(life)} saw ${String(data['clientMsgId'])} as ${String(data['seq'])} ` +
      `of ${truth.conversationId}, which has ${there?.clientMsgId ?? 'nothing'} there, and was not told`)]
  }))
}

/** One (epoch, seq) is never given to two messages, not even when the first is lost. [STORE-1] */
function checkAnswers ({ sends }: History): Finding[] {
  const given = Map.groupBy(sends.filter(({ seq }) => seq !== undefined), ({ conversationId, epoch, seq }) =>
    `${conversationId} ${epoch} ${seq}`)
  return [...given].filter(([, all]) => all.length > 1).map(([place, all]) =>
    finding('double', `${place} was given to ${all.map(({ clientMsgId }) => clientMsgId).join(' and ')}`))
}
