// What a connection prints beside its stream: unread messages, pending items, pages of history. Bodies are read when
// there is room to print them, so that a slow reader costs no memory and a recalled text is not printed. [SLOW-1] [DOWN-2]
import type { Source } from '../protocol/events.js'
import type { Position } from '../protocol/ids.js'
import type { createBoxes } from '../store/user/boxes.js'
import type { Pending } from '../store/user/pending.js'
import type { createConversations } from '../store/conversation/conversation.js'
import type { Fresh } from '../store/life/fresh.js'
import { isFull } from '../store/redis/full.js'
import type { BoxName } from '../store/keys.js'
import type { More, Unread } from '../store/user/unread.js'
import type { Frame, Renderer, Viewer } from './render.js'
import { command } from './say.js'

/** Few enough that a chunk of the largest messages stays below the bound of SLOW-1. */
const CHUNK = 16

/** A page of history: printed as MSG_DOWN, closed by GET_READ_MSG_END. [GET-1] */
export interface Page { requestId: string, conversationId: string, firstSeq: number, count: number, hasMore: boolean, traceId: string }

interface Messages { references: Omit<Unread, 'ts'>[], source: Source }
/** What is left of a page; `end` is what is said behind it, of all of it. */
interface PageLeft { conversationId: string, firstSeq: number, left: number, end: Omit<Page, 'conversationId' | 'firstSeq'> }
interface PendingItems { box: BoxName, from: Position, ids?: string[], counted?: [string, number][] }

/**
 * What is to be printed, as data: what is left of it can wait for the next answer of a poll, on whatever node. [POLL-2]
 * The messages of a mailbox by reference; or a page of history, in few bytes whatever it holds. Or a box: what is pending there from
 * before a position (the stream brings the rest by itself), its ids when they were read, and those whose delivery was counted already.
 */
export type Todo = Messages | PageLeft | PendingItems

/** Offers frames until one is not taken. */
export type Print = (take: (frame: Frame) => boolean) => void

/**
 * A job. `todo` is what is left; `step` reads what comes next and returns what prints it, undefined when nothing is left. `deferred`: of
 * one that is long looked for; when it is done it says whether there is `more` than it brings.
 */
export interface Job { readonly todo: Todo, step (): Promise<Print | undefined>, deferred?: { more: More } }

interface Stores {
  conversations: Pick<ReturnType<typeof createConversations>, 'bodies'>
  boxes: Pick<ReturnType<typeof createBoxes>, 'pendingIds' | 'read' | 'countDeliveries' | 'leave'>
  fresh: Fresh
  renderer: Renderer
  now (): number
}

const noMessages: Viewer = { userId: '', terminalId: '', platform: '' }

/** @returns a page as what is to be printed. */
export function pageTodo ({ conversationId, firstSeq, ...end }: Page): Todo {
  return { conversationId, firstSeq, left: end.count, end }
}

/** Whether it belongs to a request of the terminal's, not to its attach. */
const isPage = (todo: Todo): todo is PageLeft => 'end' in todo

/** @returns whether it belongs to an attach, not to a request of the terminal's. */
export const isOfAttach = (todo: Todo): boolean => !isPage(todo)

/** So many pages wait for one reader. */
const MAX_PAGES = 8

/** @returns whether one more may wait behind these: pages come as fast as they are asked for, and go as fast as they are taken. */
export const hasRoomFor = (todo: Todo, waiting: Todo[]): boolean => !isPage(todo) || waiting.filter(isPage).length < MAX_PAGES

/** Makes `makeJob(todo, viewer)`, by a node's stores. */
export function createJobs ({ conversations, boxes, fresh, renderer, now }: Stores) {
  /**
   * Reads messages, those of one conversation together.
   * @returns what makes frames of them, in their order: when they are printed [DOWN-2].
   */
  async function framesOf (references: Messages['references'], source: Source): Promise<() => (Frame | undefined)[]> {
    const bodies = new Map<string, string | null>()
    const byConversation = Map.groupBy(references, ({ conversationId }) => conversationId)
    await fresh(async () => await Promise.all([...byConversation].map(async ([conversationId, some]) => {
      const found = await conversations.bodies(conversationId, some.map(({ seq }) => seq))
      some.forEach(({ seq }, i) => bodies.set(`${conversationId}:${seq}`, found[i] ?? null))
    })))
    return () => references.map(({ conversationId, seq }) => {
      const body = bodies.get(`${conversationId}:${seq}`) ?? undefined
      return renderer.entry({ reference: { kind: 'msg', conversationId, seq }, body }, noMessages, source)
    })
  }

  function messagesJob ({ references, source }: Messages): Job {
    async function step (): Promise<Print | undefined> {
      if (references.length === 0) return undefined
      const found = await framesOf(references.slice(0, CHUNK), source)
      return take => { references = references.slice(taken(found(), take)) }
    }
    return { get todo () { return { references, source } }, step }
  }

  function pageJob ({ conversationId, firstSeq, left, end }: PageLeft): Job {
    const { traceId, ...data } = end
    let isEnded = false

    async function step (): Promise<Print | undefined> {
      if (isEnded) return undefined
      if (left === 0) return take => { isEnded = take(command('GET_READ_MSG_END', data, { now: now(), traceId })) }
      const chunk = Array.from({ length: Math.min(left, CHUNK) }, (_, i) => ({ conversationId, seq: firstSeq + i }))
      const found = await framesOf(chunk, 'history')
      return take => {
        const done = taken(found(), take)
        firstSeq += done
        left -= done
      }
    }
    const nothing: Messages = { references: [], source: 'history' }
    return { get todo () { return isEnded ? nothing : { conversationId, firstSeq, left, end } }, step }
  }

  /** What is pending in a box for a terminal. [COMPLETE-3] What needs no completion leaves the box when it has been printed. [BOX-1] */
  function pendingJob ({ box, from, ids, counted = [] }: PendingItems, viewer: Viewer): Job {
    const before = new Map(counted)
    let leaving: string[] = []
    const entryOf = ({ id, filter }: Pending, body: string | null) => ({
      reference: { kind: 'box' as const, box, id, ...(filter !== undefined && { filter }) }, body
    })

    async function count (items: Pending[]): Promise<void> {
      const again = items.filter(({ id, once }) => !once && !before.has(id)).map(({ id }) => id)
      const deliveries = await boxes.countDeliveries(box, viewer.userId, again)
      again.forEach((id, i) => before.set(id, deliveries[i] ?? 0))
    }

    /** On a full disk it stays, and is shown once more. [STORE-2] */
    async function leave (): Promise<void> {
      await boxes.leave(box, viewer.userId, leaving).catch((error: unknown) => { if (!isFull(error)) throw error })
    }

    async function step (): Promise<Print | undefined> {
      const left = ids ??= await boxes.pendingIds(box, viewer.userId, viewer.terminalId)
      if (leaving.length > 0) await leave()
      leaving = []
      if (left.length === 0) return undefined
      const chunk = left.slice(0, CHUNK)
      const items = await fresh(async () => {
        const pending = await boxes.read(box, viewer.userId, chunk)
        const shown = pending.filter(item => !isAfter(item.entry, from) && renderer.shows(entryOf(item, item.body), viewer))
        await count(shown) // asked twice, it counts nobody twice: what has been counted is in `before`
        return shown
      })
      return take => {
        const frames = items.map(item =>
          renderer.entry(entryOf(item, withRedelivery(item.body ?? '', before.get(item.id) ?? 0)), viewer, 'mailbox'))
        const done = taken(frames, take)
        leaving = items.slice(0, done).filter(({ once }) => once).map(({ id }) => id)
        ids = left.slice(done < items.length ? chunk.indexOf(items[done]?.id ?? '') : chunk.length)
      }
    }
    return { get todo () { return { box, from, ...(ids && { ids }), counted: [...before].filter(([id]) => ids?.includes(id)) } }, step }
  }

  return (todo: Todo, viewer: Viewer): Job => 'box' in todo ? pendingJob(todo, viewer) : isPage(todo) ? pageJob(todo) : messagesJob(todo)
}

export type MakeJob = ReturnType<typeof createJobs>

/** Offers frames in order; one that says nothing any more counts as taken. @returns how many were. */
function taken (frames: (Frame | undefined)[], take: (frame: Frame) => boolean): number {
  const refused = frames.findIndex(frame => frame && !take(frame))
  return refused < 0 ? frames.length : refused
}

const isAfter = (entry: Position, from: Position) => entry.epoch === from.epoch && entry.seq > from.seq

const withRedelivery = (body: string, redelivery: number) => redelivery > 0 ? `${body.slice(0, -1)},"redelivery":${redelivery}}` : body
