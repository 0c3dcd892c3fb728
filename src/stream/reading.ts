// A log as the application reads it: in pages, or line by line as far as the reader takes it. [SERVER-4] [SERVER-5]
import type { Message } from '../protocol/message.js'
import type { Lines } from '../protocol/operation.js'
import { Problem } from '../protocol/problem.js'
import type { createConversations, View } from '../store/conversation/conversation.js'
import type { Fresh } from '../store/life/fresh.js'
import { parsed } from '../store/redis/readable.js'
import { PAGE_BYTES } from './history.js'

/**
 * What is read of a log. `userId`: as he sees it; `newer`: rising, else falling; `after`: behind that seq, in the log of that epoch
 * where one is said; `types`: of these alone.
 */
export interface Asked {
  conversationId: string
  userId?: string | undefined
  newer: boolean
  from?: number | undefined
  to?: number | undefined
  after?: { epoch?: string | undefined, seq: number } | undefined
  types?: ReadonlySet<string> | undefined
  limit?: number | undefined
}

interface Floor {
  conversations: Pick<ReturnType<typeof createConversations>, 'view' | 'bodies'>
  fresh: Fresh
  /** A message as it is now. [DOWN-2] */
  shown (message: Message): Message
}

/** The seqs that are still to be looked at, both ends inclusive; none when `low` is above `high`. */
interface Span { low: number, high: number }

/** So many messages are read at once at most; a page looks at so many for those that it brings. [COST-1] */
const CHUNK = 64
const LOOKED = 512

/** @returns where a reading begins. Throws CONVERSATION_NOT_FOUND, and INVALID_QUERY for a place in a log that is no more. */
async function begin ({ conversationId, userId, newer, from = 1, to = Infinity, after }: Asked, { conversations }: Floor) {
  const view = await conversations.view(conversationId, userId)
  if (after) sameLog(view, after.epoch ?? view.epoch)
  const [behind, before] = newer ? [after?.seq ?? 0, Infinity] : [0, after?.seq ?? Infinity]
  return { view, span: { low: Math.max(from, view.minSeq, behind + 1), high: Math.min(to, view.headSeq, before - 1) } }
}

/** The numbers of another life of a log mean other messages. */
function sameLog ({ epoch }: View, expected: string): void {
  if (epoch === expected) return
  throw new Problem('INVALID_QUERY', { errors: [{ pointer: '/after', detail: 'the log that it is of is no more: begin without it' }] })
}

/** @returns the seqs that are looked at next, in that order. */
function ahead ({ low, high }: Span, newer: boolean, count: number): number[] {
  return Array.from({ length: Math.min(count, high - low + 1) }, (_, i) => newer ? low + i : high - i)
}

const behind = (span: Span, seq: number, newer: boolean): Span => newer ? { ...span, low: seq + 1 } : { ...span, high: seq - 1 }
const isDone = ({ low, high }: Span) => low > high
const placeOf = (epoch: string, { low, high }: Span, newer: boolean) => `${epoch}:${newer ? low - 1 : high + 1}`
const isOf = ({ types }: Asked, { type }: Message) => types?.has(type) ?? true

/** Reads on until a page is full. @returns its messages in the order of reading, and what is left. */
async function collect (asked: Asked & { limit: number }, floor: Floor, span: Span): Promise<{ found: Message[], rest: Span }> {
  const { conversationId, newer, limit } = asked
  const found: Message[] = []
  let rest = span
  let bytes = 0
  for (let looked = 0; !isDone(rest) && looked < LOOKED;) {
    const seqs = ahead(rest, newer, asked.types ? CHUNK : limit - found.length)
    const bodies = await floor.conversations.bodies(conversationId, seqs)
    for (const [i, seq] of seqs.entries()) {
      const body = bodies[i] ?? null
      bytes += Buffer.byteLength(body ?? '')
      if (bytes > PAGE_BYTES && looked > 0) return { found, rest }
      looked++
      rest = behind(rest, seq, newer)
      const message = parsed<Message>(body)
      if (message && isOf(asked, floor.shown(message))) found.push(message)
      if (found.length === limit) return { found, rest }
    }
  }
  return { found, rest }
}

/** @returns a page, rising by seq; `next` where there is more. */
export async function readPage (asked: Asked & { limit: number }, floor: Floor) {
  const { view: { conversationId, epoch, headSeq, minSeq }, span } = await begin(asked, floor)
  const { found, rest } = await floor.fresh(async () => await collect(asked, floor, span))
  const items = (asked.newer ? found : found.reverse()).map(floor.shown).filter(message => isOf(asked, message))
  return { conversationId, epoch, headSeq, minSeq, items, ...(!isDone(rest) && { next: placeOf(epoch, rest, asked.newer) }) }
}

/**
 * Opens a log to be read line by line. What is not taken is not kept: it is read again, so that a slow reader costs no memory, and what
 * is recalled while he does not read is not sent. The last line says that it is the last.
 */
export async function openLines (asked: Asked, floor: Floor): Promise<Lines> {
  const { conversationId, newer, limit = Infinity } = asked
  const { view: { epoch }, span } = await begin(asked, floor)
  let rest = span
  let count = 0
  // large messages are read one or two at once, small ones many
  let size = 1
  let isEnded = false
  const next = () => isDone(rest) ? undefined : placeOf(epoch, rest, newer)

  function end (take: (line: string) => boolean): void {
    isEnded = take(JSON.stringify({ end: true, conversationId, epoch, count, next: next() }))
  }

  function print (seqs: number[], bodies: (string | null)[], take: (line: string) => boolean): void {
    let taken = 0
    for (const [i, seq] of seqs.entries()) {
      const read = parsed<Message>(bodies[i])
      const message = read && floor.shown(read)
      const isWanted = message && isOf(asked, message)
      if (count === limit || (isWanted && !take(message === read ? bodies[i] as string : JSON.stringify(message)))) break
      if (isWanted) count++
      rest = behind(rest, seq, newer)
      taken++
    }
    size = Math.min(CHUNK, Math.max(1, 2 * taken))
  }

  return {
    next,
    async step () {
      if (isEnded) return undefined
      if (isDone(rest) || count === limit) return end
      const view = await floor.conversations.view(conversationId, asked.userId)
      sameLog(view, epoch)
      // what has had its time meanwhile is gone
      rest = { ...rest, low: Math.max(rest.low, view.minSeq) }
      const seqs = ahead(rest, newer, size)
      const bodies = await floor.fresh(async () => await floor.conversations.bodies(conversationId, seqs))
      return take => print(seqs, bodies, take)
    }
  }
}
