// Each stream by itself: ids that rise by one, no number twice, no hole in a conversation, nothing that nobody sent.
import type { History, Sight, Stretch } from '../record.js'
import { type Finding, finding } from './finding.js'
import { isFresh, isMessage, type Life, livesOf, nameOf } from './lives.js'

export function checkStreams (history: History): Finding[] {
  return [
    ...history.stretches.flatMap(checkIds), ...livesOf(history).flatMap(life => checkLife(history, life)), ...checkTexts(history),
    ...checkPhantoms(history)
  ]
}

const numberOf = (id: string) => Number(/-(\d+)/.exec(id)?.[1])
const epochOf = (id: string) => id.slice(0, id.indexOf('-'))

/** [ATTACH-4] A poll says silent entries by its cursor only, so there ids may leave numbers out; but they rise. */
function checkIds (stretch: Stretch): Finding[] {
  const { sights, recovered, cursor, transport } = stretch
  const found: Finding[] = []
  let last = recovered ? cursor : undefined
  for (const { id, event, data } of sights) {
    if (id === undefined) continue
    const repeats = data.name === 'IRIS.READY' || event === undefined
    if (last !== undefined && !follows(last, id, repeats, transport === 'poll')) {
      found.push(finding(
        numberOf(id) > numberOf(last) ? 'silent gap' : 'disorder', `${nameOf(stretch)} at ${stretch.node}: after ${last} came ${id}`
      ))
    }
    last = id
  }
  return found
}

function follows (last: string, id: string, repeats: boolean, isLoose: boolean): boolean {
  if (epochOf(last) !== epochOf(id)) return false
  const step = numberOf(id) - numberOf(last)
  return step === 1 || (repeats && step === 0) || (isLoose && step > 1)
}

/** [DOWN-4] In one life every conversation's messages rise by one; where its reader came and went, they rise. */
function checkLife ({ stays, truths, stuck }: History, life: Life): Finding[] {
  const found: Finding[] = []
  const messages = Map.groupBy(life.entries.filter(isMessage), ({ data }) => String(data['conversationId']))
  for (const [conversationId, sights] of messages) {
    const comesAndGoes = stays.filter(stay => stay.userId === life.userId && stay.conversationId === conversationId)
      .some(({ leaving }) => leaving !== undefined)
    const seqs = sights.map(({ data }) => Number(data['seq']))
    const where = `${nameOf(life)} in ${conversationId}`
    if (life.isFirst && seqs[0] !== 1 && !comesAndGoes) found.push(finding('silent gap', `${where}: the first message is ${seqs[0]}`))
    seqs.slice(1).forEach((seq, i) => {
      const before = seqs[i] as number
      if (seq === before) found.push(finding('double', `${where}: ${seq} twice`))
      else if (seq < before) found.push(finding('disorder', `${where}: ${seq} after ${before}`))
      else if (seq > before + 1 && !comesAndGoes) found.push(finding('silent gap', `${where}: ${seq} after ${before}`))
    })
    const truth = truths.find(truth => truth.userId === life.userId && truth.conversationId === conversationId)
    if (life.isLast && !isFresh(life) && stuck.length === 0 && truth && !comesAndGoes && seqs.at(-1) !== truth.headSeq) {
      found.push(finding('lost', `${where}: it ends with ${seqs.at(-1)}, the conversation with ${truth.headSeq}`))
    }
  }
  return found
}

const identityOf = ({ data }: Sight) => JSON.stringify([data['clientMsgId'], data['cmdId'], data['noticeId']])

/** One id never reads in two ways, on no terminal of a user: what is said of it may end (a tombstone), not become another thing. */
function checkTexts ({ stretches }: History): Finding[] {
  const texts = new Map<string, string>()
  return stretches.flatMap(({ userId, sights }) => sights.flatMap(sight => {
    if (sight.id === undefined || sight.event === undefined || sight.data.name?.startsWith('IRIS.')) return []
    // an event for all of a user's terminals is made once, what it names is its identity
    const [key, text] = [`${userId} ${sight.id}`, identityOf(sight)]
    const known = texts.get(key) ?? text
    texts.set(key, text)
    return known === text ? [] : [finding('double', `${key} is ${known}, and ${text}`)]
  }))
}

function checkPhantoms ({ stretches, sends, commands }: History): Finding[] {
  const sent = new Map(sends.map(send => [send.clientMsgId, send]))
  const commanded = new Map(commands.map(command => [command.clientCmdId, command]))
  return stretches.flatMap(stretch => stretch.sights.flatMap(({ event, data }) => {
    const { clientMsgId, conversationId, content, name, op } = data as {
      clientMsgId?: string
      conversationId?: string
      content?: { text?: string }
      name?: string
      op?: string
    }
    if (event === 'MSG_DOWN' || event === 'ACK_DOWN') {
      const send = sent.get(String(clientMsgId))
      const isKnown = send?.conversationId === conversationId && (content === undefined || content.text === send?.text)
      return isKnown ? [] : [finding('phantom', `${nameOf(stretch)} saw ${JSON.stringify(data)}`)]
    }
    if (event !== 'CMD_DOWN' || op !== 'do' || (name !== 'nudge' && name !== 'typing')) return []
    const command = commanded.get(String(data['clientCmdId']))
    return command?.to === stretch.userId ? [] : [finding('phantom', `${nameOf(stretch)} saw ${JSON.stringify(data)}`)]
  }))
}
