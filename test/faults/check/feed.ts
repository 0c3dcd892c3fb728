// What a back end was told when all is over: of each message that is there once, and of none that is not. [EVENT-1]
import type { History } from '../record.js'
import { type Finding, finding } from './finding.js'

export function checkFeed ({ told, truths }: History): Finding[] {
  if (!told) return []
  const sent = told.filter(({ type }) => type === 'message.sent').map(placeOf)
  const revoked = told.filter(({ type }) => type === 'message.revoked').map(placeOf)
  const there = new Map(truths.flatMap(({ conversationId, messages }) =>
    messages.map(({ seq, type }) => [placeOf({ conversationId, seq }), type === 'revoked'] as const)))
  const tombstones = [...there].filter(([, isRevoked]) => isRevoked).map(([place]) => place)
  return [
    ...missing(there.keys(), sent).map(place => finding('lost', `${place} is there, and no event says so`)),
    ...missing(tombstones, revoked).map(place => finding('lost', `${place} is revoked, and no event says so`)),
    ...[...twice(sent), ...twice(revoked)].map(place => finding('double', `two events say the same of ${place}`)),
    ...missing(sent, [...there.keys()]).map(place => finding('phantom', `an event tells of ${place}, which is not there`))
  ]
}

const placeOf = ({ conversationId, seq }: { conversationId?: string, seq?: number }) => `${conversationId}/${seq}`
const missing = (all: Iterable<string>, among: string[]) => [...all].filter(place => !among.includes(place))
const twice = (all: string[]) => all.filter((place, i) => all.indexOf(place) < i)
