// How far the connections of this node are printed: for who asks whether somebody got it, and to be kept in the store. [DELIVERY-2]
import { formatCursor, parseCursor, type Position } from '../protocol/ids.js'
import type { Unread } from '../store/user/unread.js'
import type { Transport } from '../stream/opening.js'
import { Prints } from '../stream/prints.js'
import type { Held } from './waking.js'

/**
 * A terminal that is connected here, by its connection that is printed furthest. `isLive`: its READY was said. `upTo`: it said `more`,
 * and of what was unread when it began all was printed up to this message. `brought`: where one of them began anew whose mailbox brought
 * all that was unread, and whose READY was said. `connections`: how many it has here.
 */
export interface Standing {
  terminalId: string
  transport: Transport
  cursor: string
  isLive: boolean
  upTo?: Unread
  brought?: string
  connections: number
}

/** Of whom; of these terminals also when an entry of his stream was printed. */
export interface Standings { userId: string, entry?: Position, terminalIds: string[] }

/** `printedAt`: of those terminals for which it is remembered, ms of the store's clock. */
export interface Stood { standings: Standing[], printedAt: Record<string, number> }

const restOf = (held: Held) => 'rest' in held ? held.rest : { isUnready: false, more: false }

/** @returns how far a connection was printed, as a cursor; empty while that would skip what is unread. */
function printedOf (held: Held): string {
  return held.position.epoch === '' || restOf(held).isUnready ? '' : formatCursor(held.position)
}

/** What is to be noted of a connection, as cursors, empty where there is none: how far it was printed; `brought`: see `Standing`. */
interface Noted { printed: string, brought: string }

/** What connections of the same terminal have left that ended while this one was open: the store has not been told of it. */
const left = new WeakMap<Held, Noted>()

function further (one: string, other: string): string {
  const [a, b] = [parseCursor(one), parseCursor(other)]
  if (!a || !b) return a ? one : other
  return (Number(a.epoch) - Number(b.epoch) || a.seq - b.seq) < 0 ? other : one
}

/** @returns what is to be noted of a connection, and of those that ended before it. */
export function notedOf (held: Held): Noted {
  const { printed, brought } = left.get(held) ?? { printed: '', brought: '' }
  return {
    printed: further(printedOf(held), printed),
    brought: further(held.brought ? formatCursor(held.brought) : '', brought)
  }
}

/** A connection has ended, and another one of its terminal goes on here: with it, what was to be noted. */
export function bequeath (ended: Held, other: Held): void {
  const [mine, before] = [notedOf(ended), notedOf(other)]
  left.set(other, { printed: further(mine.printed, before.printed), brought: further(mine.brought, before.brought) })
}

function standingOf (terminalId: string, all: Held[]): Standing[] {
  const [furthest] = all.filter(held => printedOf(held) !== '').sort((a, b) => b.position.seq - a.position.seq)
  if (!furthest) return []
  const { transport, isLive } = furthest
  const { more } = restOf(furthest)
  const upTo = typeof more === 'object' ? { upTo: more } : {}
  const brought = all.map(held => notedOf(held).brought).reduce(further)
  return [{ terminalId, transport, cursor: printedOf(furthest), isLive, ...upTo, ...(brought && { brought }), connections: all.length }]
}

/** Makes the standings of a node. @returns `prints`, where what is printed is noted; `standing(question)`. */
export function createStandings (connectionsOf: (userId: string) => Held[], now: () => number) {
  const prints = new Prints(now)

  function printedAt ({ userId, entry, terminalIds }: Standings): [string, number][] {
    if (!entry) return []
    return terminalIds.flatMap((terminalId): [string, number][] => {
      const at = prints.printedAt({ userId, terminalId }, entry)
      return at === undefined ? [] : [[terminalId, at]]
    })
  }

  return {
    prints,
    standing (question: Standings): Stood {
      const byTerminal = Map.groupBy(connectionsOf(question.userId), ({ terminalId }) => terminalId)
      const standings = [...byTerminal].flatMap(([terminalId, all]) => standingOf(terminalId, all))
      return { standings, printedAt: Object.fromEntries(printedAt(question)) }
    }
  }
}
