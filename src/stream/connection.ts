// A connection: a cursor in a user's stream, and the pump that prints what comes after it. The one path down. Section 4.
import type { Bye } from '../protocol/events.js'
import { formatCursor, type Position } from '../protocol/ids.js'
import { outside } from '../store/deadline.js'
import type { createMailbox } from '../store/user/mailbox.js'
import type { Item } from '../store/user/entry.js'
import { type Feed, type Memory, sureSince } from './feed.js'
import { hasRoomFor, type Job } from './jobs.js'
import { Lifetime } from './lifetime.js'
import type { Opening, Start, Transport } from './opening.js'
import { Outlet, type OutletFloor } from './outlet.js'
import { printItems, printJob } from './print.js'
import type { Printing } from './prints.js'
import type { Frame, Renderer } from './render.js'
import type { Retries } from './retries.js'
import { Runs } from './runs.js'
import { farewell, gatewayCommand } from './say.js'

const READ_ENTRIES = 100
/** What the connections of a node share. */
interface Floor extends OutletFloor, Memory, Printing {
  now (): number
  mailbox: Pick<ReturnType<typeof createMailbox>, 'read'>
  renderer: Renderer
  onClosed (connection: Connection, bye?: Bye): void
  retries: Pick<Retries, 'later'>
  log: { warn (facts: object, message: string): void }
}

/**
 * A connection prints nothing until it is started. `wake()` prints what there is as long as the socket takes it; a hint, a drain and
 * the sweep call it. A slow reader is not pumped: its backlog is in Redis. A class, as its parts: closures would cost 2 KB more each.
 */
export class Connection {
  #stage: 'attaching' | 'replay' | 'pending' | 'live' | 'closed' = 'attaching'
  #position: Position = { epoch: '', seq: 0 }
  #target = 0
  #jobs: Job[] = []
  #more: Start['more'] = false
  #isUnready = false
  /** Where it began anew, once READY has said that its mailbox brought all that was unread. [DELIVERY-3] */
  brought: Position | undefined
  readonly #runs = new Runs()
  readonly #outlet: Outlet
  readonly lifetime: Lifetime

  constructor (readonly opening: Opening, private readonly feed: Feed, private readonly floor: Floor) {
    this.#outlet = new Outlet(opening.printer, floor)
    this.lifetime = new Lifetime(opening)
  }

  get userId (): string { return this.opening.userId }
  get terminalId (): string { return this.opening.terminalId }
  get platform (): string { return this.opening.platform }
  get transport (): Transport { return this.opening.transport ?? 'sse' }
  get position (): Position { return this.#position }
  get isLive (): boolean { return this.#stage === 'live' }
  /** Whether it prints: its attach was decided, and it is open. */
  get isBegun (): boolean { return this.#stage !== 'attaching' && this.#stage !== 'closed' }
  /** Whether it will print from the feed's memory: it lags, and its socket takes more. A full one reads Redis when it drains. [SLOW-1] */
  get needsTail (): boolean { return !(this.isLive && this.#position.seq === this.feed.seq) && this.#outlet.hasRoom() }
  get isLagging (): boolean { return this.isLive && this.#position.seq < (this.feed.seq ?? 0) }
  /** Whether all that is known was printed, and nothing is under way. */
  get isIdle (): boolean { return this.isLive && !this.#runs.isBusy && this.#jobs.length === 0 }
  /** Where it stands and what is left; `isUnready`: it began afresh, READY has not come, and its position would skip what is unread. */
  get rest () { return { position: this.#position, todos: this.#jobs.map(job => job.todo), more: this.#more, isUnready: this.#isUnready } }

  /** The attach is decided: prints the greeting (HELLO, RESET) and starts the pump. */
  begin ({ position, target, jobs, more, fresh, greeting }: Start): void {
    if (this.#stage === 'closed') return
    this.#position = position
    this.#target = target
    this.#jobs.unshift(...jobs)
    this.#more = more
    this.#isUnready = fresh
    this.#stage = 'replay'
    this.#outlet.hold()
    this.#write(greeting)
    this.wake()
  }

  /** Prints what there is: something new came, or the socket took everything. */
  wake (): void {
    if (!this.isBegun) return
    if (this.#runs.isBusy) this.#runs.want()
    else outside(() => this.#pump())
  }

  #pump (): void {
    if (this.#stage === 'live' && this.#jobs.length === 0 && this.#printTail()) return this.opening.printer.rest?.()
    // while Redis is away the stream stays open, and tries again
    this.#runs.run(() => this.#run(), failures => this.floor.retries.later(this, failures)).then(isWanted => {
      this.#outlet.release()
      return isWanted ? this.wake() : this.opening.printer.rest?.()
    }, (err: unknown) => {
      this.floor.log.warn({ err, traceId: this.opening.traceId }, 'a stream failed')
      this.close('STORE_LOST')
    })
  }

  /** Prints a frame that has no place in the stream, when there is room: stored nowhere, so a stuck reader misses it. [CMD-1] */
  volatile (frame: Frame): boolean {
    if (!this.isBegun || !this.#outlet.hasRoom() || this.opening.printer.fits?.(frame) === false) return false
    this.#write([frame])
    this.opening.printer.rest?.()
    return true
  }

  /** Adds a job to what is to be printed. @returns false when too many wait. */
  add (job: Job): boolean {
    if (!hasRoomFor(job.todo, this.rest.todos)) return false
    this.#jobs.push(job)
    this.wake()
    return true
  }

  /** Once a second: the token's end, a stuck reader, the heartbeat. */
  tick (): void {
    if (!this.isBegun) return
    const say = (frame: Frame) => { this.#write([frame]); return true }
    const due = this.#outlet.isStuck() ? 'SLOW' : this.lifetime.due({ ...this.#facts(), ticks: this.floor.ticks() }, say)
    if (due) return this.close(due)
    // before READY of a fresh attach the cursor would skip unread messages that are not printed yet
    this.#outlet.beat(this.#isUnready ? undefined : { id: formatCursor(this.#position) })
  }

  /** Says goodbye, after a last word if there is one, and closes; a client that waits comes back after `notBeforeMs`. */
  close (bye: Bye, lastWord?: Frame, notBeforeMs = 0): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    const { printer } = this.opening
    this.#outlet.release()
    printer.end((lastWord ? printer.format(lastWord) : '') + farewell(bye, printer, { ...this.#facts(), notBeforeMs }), bye)
    this.floor.onClosed(this, bye)
  }

  /** The client has gone. */
  gone (): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    if (this.#outlet.drop()) [this.#isUnready, this.brought] = [true, undefined] // nothing of it was ever written
    this.floor.onClosed(this)
  }

  #facts () { return { now: this.floor.now(), traceId: this.opening.traceId } }
  #write (frames: Frame[]): void { this.#outlet.write(frames.map(frame => this.opening.printer.format(frame)).join('')) }

  /** The way of almost every event: all of it is in memory, nothing is awaited. @returns false when Redis must be asked. */
  #printTail (): boolean {
    if (!this.#outlet.hasRoom()) return true
    const items = this.feed.since(this.#position, this.floor.isProven())
    if (items?.length) this.#printItems(items) // all of them at once: nothing is added meanwhile
    return items !== undefined
  }

  /** Prints items until the socket is full. @returns false when it must stop: no room, or the stream broke off. */
  #printItems (items: readonly Item[]): boolean {
    const { opening, isLive, floor: { renderer, prints } } = this
    const { seq, outcome } = printItems(items, this.#position, { opening, renderer, prints, isLive, outlet: this.#outlet })
    this.#position = { epoch: this.#position.epoch, seq }
    if (outcome === 'broken' || outcome === 'reborn') this.close(outcome === 'broken' ? 'SLOW' : 'STORE_LOST')
    return outcome === 'room'
  }

  async #run (): Promise<void> {
    while (this.#stage !== 'closed' && this.#outlet.hasRoom()) {
      const [job] = this.#jobs
      if (this.#stage === 'replay' && this.#position.seq >= this.#target) this.#stage = 'pending'
      if (this.#stage === 'replay') await this.#readOn()
      else if (job) await this.#runJob(job)
      else if (this.#stage === 'pending') this.#ready()
      else if (!await this.#readOn()) return
    }
  }

  async #readOn (): Promise<boolean> {
    const known = this.feed.top
    const items = await sureSince(this.feed, this.#position, this.floor) ??
      await this.floor.mailbox.read(this.userId, this.#position, READ_ENTRIES)
    if (items.length > 0) return this.isBegun && this.#printItems(items)
    // compared with what was known before the read: a hint that came meanwhile is no loss
    if (known && (known.epoch !== this.#position.epoch || known.seq > this.#position.seq)) this.close('STORE_LOST')
    return false
  }

  async #runJob (job: Job): Promise<void> {
    if (job.deferred) this.#outlet.release() // the greeting does not wait for it
    const print = await job.step()
    if (!print) this.#more = this.#jobs.shift()?.deferred?.more ?? this.#more
    else if (this.isBegun) printJob(print, this.opening.printer, this.#outlet)
  }

  #ready (): void {
    this.#write([{ ...gatewayCommand('IRIS.READY', this.#more ? { more: true } : {}, this.#facts()), id: formatCursor(this.#position) }])
    this.#stage = 'live'
    if (this.#isUnready && !this.#more) this.brought = this.#position
    this.#isUnready = false
  }
}
