// The session of a terminal that polls: it outlives each request, and keeps what is no stream entry for the next answer. [POLL-2]
import { randomInt } from 'node:crypto'
import type { Bye } from '../protocol/events.js'
import { formatCursor, parseUnfinished, type Position, unfinishedCursor } from '../protocol/ids.js'
import type { Connection } from '../stream/connection.js'
import type { Feed } from '../stream/feed.js'
import { isOfAttach, type Job, type MakeJob, type Todo } from '../stream/jobs.js'
import { Lifetime } from '../stream/lifetime.js'
import { type Handed, Kept, type Taken } from '../stream/kept.js'
import type { Opening, Start, Transport } from '../stream/opening.js'
import type { Frame } from '../stream/render.js'
import { knownStart, unfinishedStart } from '../stream/start.js'

/** What the sessions of a node share. */
export interface SessionFloor {
  now (): number
  makeJob: MakeJob
  /** A session lives for so long after an answer, ms. */
  restMs: number
  /** So many polls of a terminal wait at once; one more ends the oldest with an empty answer. */
  maxPolls: number
  /** Further back than this a cursor is judged by the store, entries. */
  maxBehind: number
  /** What the session of this terminal on another node hands over; undefined when there is none. */
  inherit (userId: string, terminalId: string): Promise<Handed | undefined>
  onClosed (session: Session, bye?: Bye): void
}

/**
 * A session. Its polls are short connections with cursors of their own; to the hub it is what a stream is: told, closed,
 * counted, kept in the routes. A class, as a connection is: there is one per terminal that polls.
 */
export class Session {
  readonly transport: Transport = 'poll'
  readonly isLagging = false
  /** How far the answers go that were taken. */
  position: Position = { epoch: '', seq: 0 }
  /** As of a connection, by the answers that were taken. */
  brought: Position | undefined
  readonly #polls = new Map<Connection, Taken>()
  readonly #kept: Kept
  #login: { issuedAt: number, platform: string } | undefined
  #lifetime: Lifetime
  #restsSince: number
  #isClosed = false

  constructor (public opening: Opening, private readonly feed: Feed, private readonly floor: SessionFloor) {
    this.#restsSince = performance.now()
    this.#kept = new Kept(floor.maxPolls)
    const { issuedAt, expiresAt } = opening
    this.#lifetime = new Lifetime({ issuedAt, expiresAt })
  }

  get userId (): string { return this.opening.userId }
  get terminalId (): string { return this.opening.terminalId }
  get platform (): string { return this.#login?.platform ?? this.opening.platform }
  /** Whether a poll of it was let in, and it has not ended. */
  get isBegun (): boolean { return this.#login !== undefined && !this.#isClosed }
  get isLive (): boolean { return this.isBegun }
  /** The life of the token that the store let in last: that of a poll from then on, though its start is not decided yet. */
  get lifetime (): Lifetime {
    return [...this.#polls.keys()].findLast(({ lifetime }) => lifetime.attachedAt !== undefined)?.lifetime ?? this.#lifetime
  }

  get needsTail (): boolean { return [...this.#polls.keys()].some(poll => poll.needsTail) }
  /** How many polls wait. */
  get waiting (): number { return this.#polls.size }

  wake (): void { for (const poll of this.#polls.keys()) poll.wake() }

  /** A frame for all polls that wait; else it waits for the next. @returns whether it was taken. [CMD-1] */
  volatile (frame: Frame): boolean {
    if (!this.isBegun) return false
    const taking = [...this.#polls].filter(([poll]) => poll.volatile(frame))
    for (const [, taken] of taking) taken.parked.push(frame)
    return taking.length > 0 || this.#kept.park(frame)
  }

  /** A job for the poll that came last; else it waits for the next. @returns false when too many wait. */
  add (job: Job): boolean {
    const [poll, taken] = [...this.#polls].filter(([{ isBegun }]) => isBegun).at(-1) ?? []
    if (!poll) return this.#kept.add(job.todo)
    const { todo } = job
    return poll.add(job) && Boolean(taken?.todos.push(todo))
  }

  /** Once a second: the token's end, and its own when no poll has come. */
  tick (): void {
    const { now, restMs } = this.floor
    const due = this.lifetime.due({ now: now(), ticks: performance.now(), traceId: this.opening.traceId }, frame =>
      this.#kept.ask(this.lifetime.expiresAt, () => this.volatile(frame)))
    if (due) this.close(due)
    else if (this.#polls.size === 0 && performance.now() - this.#restsSince >= restMs) this.gone()
  }

  /** Ends it, and its polls with this goodbye. */
  close (bye: Bye, lastWord?: Frame, notBeforeMs = 0): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const poll of this.#polls.keys()) poll.close(bye, lastWord, notBeforeMs)
    this.floor.onClosed(this, bye)
  }

  /** A poll has ended by itself: when the stream broke off, the next one must ask the store. */
  ended (bye?: Bye): void { if (bye === 'SLOW' || bye === 'STORE_LOST') this.close(bye) }

  /** Nobody polls any more. */
  gone (): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.floor.onClosed(this)
  }

  /** A poll comes in. */
  enter (poll: Connection, opening: Opening): void {
    const [oldest] = this.#polls.keys()
    if (this.#polls.size >= this.floor.maxPolls) oldest?.close('BUSY')
    this.#polls.set(poll, { parked: [], todos: [], unfinished: [] })
    this.opening = { ...opening, from: this.opening.from }
    this.lifetime.renew(opening)
  }

  /**
   * Where a poll begins when the session knows that without the store: the same login, and a cursor that it can serve.
   * Everybody else attaches. A session is heard of by its user's hints as a stream is, so nothing is missed.
   */
  resume (poll: Connection, opening: Opening): Start | undefined {
    const { issuedAt, platform } = opening
    if (!this.isBegun || issuedAt !== this.#login?.issuedAt || platform !== this.#login.platform) return undefined
    return this.#goOn(poll, opening) ?? knownStart(opening, this.feed.top, this.floor)
  }

  /** What becomes of the start of a poll that has attached: what was said once in this session is not said again. */
  async adopt (poll: Connection, opening: Opening, start: Start): Promise<Start> {
    const isNew = !this.isBegun
    const { issuedAt, platform } = opening
    // from here on it takes what comes: the one that it inherits from will not, and nothing may fall between them
    this.#login = { issuedAt, platform }
    this.#lifetime = poll.lifetime
    this.opening.from ??= formatCursor(start.position)
    const isHanded = isNew && await this.#kept.inherit(this.floor.inherit(this.userId, this.terminalId))
    if (start.fresh) return this.#goOn(poll, opening) ?? start
    return { ...start, jobs: isNew && !isHanded ? start.jobs : [] }
  }

  /** A poll has begun: what waits in the session is for it. */
  equip (poll: Connection, opening: Opening): void {
    const taken = this.#polls.get(poll)
    if (!taken || !poll.isBegun) return
    const { isUnready, todos } = poll.rest
    if (!isUnready) taken.todos.push(...todos)
    this.#kept.give(taken, { todo: todo => poll.add(this.floor.makeJob(todo, opening)), frame: frame => poll.volatile(frame) })
  }

  /**
   * A poll is answered, and stops.
   * @returns the cursor at which the next one goes on, undefined when it has not begun; whether there is more for it.
   */
  answer (poll: Connection): { cursor: string | undefined, more: boolean } {
    const { rest: { position, todos, more, isUnready }, isBegun: isOpen, brought } = poll
    poll.gone()
    if (position.epoch === '') return { cursor: undefined, more: false }
    const cursor = isUnready ? unfinishedCursor(position, randomInt(2 ** 32)) : formatCursor(position)
    const taken = this.#polls.get(poll)
    const isLater = (todo: Todo) => isUnready && isOfAttach(todo)
    const unfinished: Handed['unfinished'] = isUnready ? [[cursor, { todos: todos.filter(isLater), more }]] : []
    if (taken) taken.left = { todos: todos.filter(todo => !isLater(todo)), unfinished, position, brought }
    return { cursor, more: isOpen && (isUnready || todos.length > 0 || this.#kept.hasFrames) }
  }

  /** The request of a poll is over. One whose answer could not be sent gives back what it has taken. */
  left (poll: Connection, isSent: boolean): void {
    const taken = this.#polls.get(poll)
    if (!this.#polls.delete(poll) || !taken) return
    this.#restsSince = performance.now()
    poll.gone()
    if (isSent) this.position = taken.left?.position ?? this.position
    if (isSent) this.brought = taken.left?.brought ?? this.brought
    this.#kept.take(isSent ? { parked: [], todos: [], unfinished: [], ...taken.left } : taken)
    if (!this.isBegun && this.#polls.size === 0) this.gone()
  }

  /** Another node goes on with this session. */
  handOver (): Handed {
    const handed = this.#kept.handOver()
    if (this.#polls.size === 0) this.gone()
    return handed
  }

  /** A fresh poll goes on where the last answer ended. */
  #goOn (poll: Connection, opening: Opening): Start | undefined {
    const { cursor = '' } = opening
    const unfinished = this.#kept.goOn(cursor)
    const position = parseUnfinished(cursor)
    if (!unfinished || !position) return undefined
    this.#polls.get(poll)?.unfinished.push([cursor, unfinished])
    return unfinishedStart(opening, { position, ...unfinished }, this.floor)
  }
}
