// What a session keeps between two polls: frames that are stored nowhere, and what was begun and not finished. [POLL-2]
import type { Position } from '../protocol/ids.js'
import type { More } from '../store/user/unread.js'
import { hasRoomFor, type Todo } from './jobs.js'
import type { Frame } from './render.js'

/** So many bytes of frames wait for the next poll; more are not taken. */
const MAX_BYTES = 256 * 1024

/** Another node is handed no more, bytes: Redis cuts off who is sent 8 MiB that he has not read. */
const MAX_HANDED_BYTES = 2 * 1024 * 1024

/** A fresh attach whose unread messages did not fit into an answer: what is left of it, and what READY will say. */
export interface Unfinished { todos: Todo[], more: More }

/**
 * What one session hands to another, on another node. `unfinished` by the cursor of the answer that ended there;
 * `askedFor`: the end of the token for which a fresh one was asked, ms. `watch`: whom the terminal watches. [SEE-4]
 */
export interface Handed { parked: Frame[], todos: Todo[], unfinished: [string, Unfinished][], askedFor?: number, watch?: string[] }

/** What a poll has taken out of its session, to be given back if its answer is lost; and what is left when it is not. */
export interface Taken extends Handed { left?: Omit<Handed, 'parked'> & { position: Position, brought: Position | undefined } }

/** @returns as one what several nodes had of a session. */
export const together = (handed: Handed[]): Handed => ({
  parked: handed.flatMap(({ parked }) => parked),
  todos: handed.flatMap(({ todos }) => todos),
  unfinished: handed.flatMap(({ unfinished }) => unfinished),
  askedFor: Math.max(...handed.map(({ askedFor = 0 }) => askedFor)),
  watch: [...new Set(handed.flatMap(({ watch = [] }) => watch))]
})

/** What is kept. @param maxUnfinished so many fresh attaches may be unfinished at once; the oldest begins anew. */
export class Kept {
  #parked: Frame[] = []
  #todos: Todo[] = []
  #askedFor = 0
  #isInheriting = false
  readonly #unfinished = new Map<string, Unfinished>()

  constructor (private readonly maxUnfinished: number) {}

  /** Whether frames wait. */
  get hasFrames (): boolean { return this.#parked.length > 0 }

  /** @returns whether there was room for the frame. */
  park (frame: Frame): boolean {
    const bytes = this.#parked.reduce((sum, { data = '' }) => sum + Buffer.byteLength(data), Buffer.byteLength(frame.data ?? ''))
    if (bytes > MAX_BYTES) return false
    this.#parked.push(frame)
    return true
  }

  /** Keeps what is to be printed. @returns whether there was room for it. */
  add (todo: Todo): boolean {
    const hasRoom = hasRoomFor(todo, this.#todos)
    if (hasRoom) this.#todos.push(todo)
    return hasRoom
  }

  /** Takes what another session, or a poll whose answer is lost, had: it stands before what came since. */
  take ({ parked, todos, unfinished, askedFor = 0 }: Handed): void {
    this.#askedFor = Math.max(this.#askedFor, askedFor)
    this.#parked.unshift(...parked)
    this.#todos.unshift(...todos)
    for (const [cursor, rest] of unfinished) this.#unfinished.set(cursor, rest)
    for (const cursor of this.#unfinished.keys()) if (this.#unfinished.size > this.maxUnfinished) this.#unfinished.delete(cursor)
  }

  /**
   * Takes what the session on another node has, if there is one; until that is known nothing is asked for.
   * @returns whether there was one.
   */
  async inherit (handing: Promise<Handed | undefined>): Promise<boolean> {
    this.#isInheriting = true
    const handed = await handing.finally(() => { this.#isInheriting = false })
    if (handed) this.take(handed)
    return handed !== undefined
  }

  /** Asks for a fresh token, once for each that ends, whatever lifetimes the polls of the session have. @returns whether it was asked. */
  ask (expiresAt: number, say: () => boolean): boolean {
    if (!this.#isInheriting && this.#askedFor < expiresAt && say()) this.#askedFor = expiresAt
    return this.#askedFor >= expiresAt
  }

  /** Lets go what waits for the next poll. */
  next (): Pick<Handed, 'parked' | 'todos'> {
    const next = { parked: this.#parked, todos: this.#todos }
    this.#parked = []
    this.#todos = []
    return next
  }

  /** Lets go what the next poll is to print, as far as it takes that; `taken` notes what it has. */
  give (taken: Taken, print: { todo (todo: Todo): boolean, frame (frame: Frame): boolean }): void {
    const { todos, parked } = this.next()
    for (const todo of todos) {
      if (print.todo(todo)) taken.todos.push(todo)
      else this.add(todo)
    }
    for (const frame of parked) {
      if (print.frame(frame)) taken.parked.push(frame)
      else this.park(frame)
    }
  }

  /** Lets go what is left of the fresh attach that ended at this cursor. */
  goOn (cursor: string): Unfinished | undefined {
    const unfinished = this.#unfinished.get(cursor)
    this.#unfinished.delete(cursor)
    return unfinished
  }

  /** Lets go everything, as much as may be sent at once. A fresh attach that is not among it begins anew. */
  handOver (): Handed {
    const { parked, todos } = this.next()
    const unfinished = [...this.#unfinished]
    this.#unfinished.clear()
    let left = MAX_HANDED_BYTES
    const fits = (part: unknown) => {
      const bytes = Buffer.byteLength(JSON.stringify(part))
      if (bytes > left) return false
      left -= bytes
      return true
    }
    return { todos: todos.filter(fits), parked: parked.filter(fits), unfinished: unfinished.filter(fits), askedFor: this.#askedFor }
  }
}
