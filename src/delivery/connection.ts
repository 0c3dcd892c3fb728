// A connection: a cursor in a user's stream, and the pump that prints what comes after it. The one path down. Section 4.
import type { Bye } from '../protocol/events.js'
import { formatCursor, type Position } from '../protocol/ids.js'
import type { createMailbox } from '../store/mailbox.js'
import type { Item } from '../store/entry.js'
import { isUnavailable } from '../store/redis.js'
import type { Feed } from './feed.js'
import type { Job } from './jobs.js'
import { createLifetime } from './lifetime.js'
import type { Opening, Start } from './opening.js'
import { createOutlet } from './outlet.js'
import type { Frame, Renderer } from './render.js'
import { farewell, gatewayCommand } from './say.js'

/** Frames are joined into writes of about this size: one system call instead of many. */
const WRITE_CHARS = 32 * 1024
const READ_ENTRIES = 100

interface Floor {
  feed: Feed
  mailbox: Pick<ReturnType<typeof createMailbox>, 'read'>
  renderer: Renderer
  now (): number
  onClosed (connection: Connection, bye?: Bye): void
  log: { warn (facts: object, message: string): void }
}

/**
 * Opens a connection that prints nothing until it is started.
 * `wake()` prints what there is as long as the socket takes it; a hint, a drain and the sweep call it. A reader that is
 * too slow is simply not pumped: its backlog is in Redis, not in this process.
 */
export function createConnection (opening: Opening, { feed, mailbox, renderer, now, onClosed, log }: Floor) {
  const { printer, traceId, userId, terminalId, platform, transport = 'sse' } = opening
  let stage: 'attaching' | 'replay' | 'pending' | 'live' | 'closed' = 'attaching'
  let position: Position = { epoch: '', seq: 0 }
  let target = 0
  const jobs: Job[] = []
  let more = false
  let fresh = false
  let busy = false
  let wokenWhileBusy = false
  const { hasRoom, write, isStuck, isSilent } = createOutlet(printer, now)
  const lifetime = createLifetime(opening, now)

  /** Prints items until the socket is full. @returns false when it must stop: no room, or the stream broke off. */
  function printItems (items: Item[]): boolean {
    let text = ''
    for (const item of items) {
      const isMissing = item.reference.kind === 'msg' && item.body === undefined
      if (isMissing || item.seq !== position.seq + 1 || !item.id.startsWith(position.epoch + '-')) {
        // trimmed while this reader lagged, or another stream: the next attach says so by RESET, never a silent gap
        if (text) write(text)
        close('SLOW')
        return false
      }
      text += printer.format({ ...renderer.entry(item, opening, stage === 'live' ? 'live' : 'replay'), id: item.id })
      position = { epoch: position.epoch, seq: item.seq }
      if (text.length > WRITE_CHARS) {
        write(text)
        text = ''
        if (!hasRoom()) return false
      }
    }
    if (text) write(text)
    return hasRoom()
  }

  /** The way of almost every event: all of it is in memory, nothing is awaited. @returns false when Redis must be asked. */
  function printTail (): boolean {
    while (hasRoom()) {
      const items = feed.since(position)
      if (items === undefined) return false
      if (items.length === 0 || !printItems(items)) return true
    }
    return true
  }

  async function runJob (job: Job): Promise<void> {
    const print = await job()
    if (stage === 'closed') return
    if (print) write(print().map(frame => printer.format(frame)).join(''))
    else jobs.shift()
  }

  function ready (): void {
    const frame = gatewayCommand('IRIS.READY', more ? { more } : {}, { now: now(), traceId })
    write(printer.format({ ...frame, id: formatCursor(position) }))
    stage = 'live'
  }

  async function readOn (): Promise<boolean> {
    const known = feed.top
    const items = feed.since(position) ?? await mailbox.read(userId, position, READ_ENTRIES)
    if (items.length > 0) return stage !== 'closed' && printItems(items)
    // compared with what was known before the read: a hint that came meanwhile is no loss
    if (known && (known.epoch !== position.epoch || known.seq > position.seq)) close('STORE_LOST')
    return false
  }

  async function run (): Promise<void> {
    while (stage !== 'closed' && hasRoom()) {
      const [job] = jobs
      if (stage === 'replay' && position.seq >= target) stage = 'pending'
      if (stage === 'replay') await readOn()
      else if (job) await runJob(job)
      else if (stage === 'pending') ready()
      else if (!await readOn()) return
    }
  }

  function wake (): void {
    if (stage === 'attaching' || stage === 'closed') return
    if (busy) return void (wokenWhileBusy = true)
    if (stage === 'live' && jobs.length === 0 && printTail()) return
    busy = true
    run().catch(failed).finally(() => {
      busy = false
      if (!wokenWhileBusy) return
      wokenWhileBusy = false
      wake()
    })
  }

  function failed (error: unknown): void {
    // while Redis is away the stream stays open; the check after the reconnect wakes it again
    if (isUnavailable(error)) return
    log.warn({ err: error, traceId }, 'a stream failed')
    close('STORE_LOST')
  }

  /** Says goodbye, after a last word if there is one, and closes. A client that waits comes back after `notBeforeMs`. */
  function close (bye: Bye, lastWord?: Frame, notBeforeMs = 0): void {
    if (stage === 'closed') return
    stage = 'closed'
    printer.end((lastWord ? printer.format(lastWord) : '') + farewell(bye, printer, { now: now(), traceId, notBeforeMs }))
    onClosed(connection, bye)
  }

  const connection = {
    userId,
    terminalId,
    platform,
    transport,
    get position () { return position },
    get isLive () { return stage === 'live' },

    /** The attach is decided: prints the greeting (HELLO, RESET) and starts the pump. */
    begin (facts: Start): void {
      if (stage === 'closed') return
      // the greeting is not kept: it would stay for the life of the connection
      ;({ position, target, more, fresh } = facts)
      jobs.unshift(...facts.jobs)
      stage = 'replay'
      write(facts.greeting.map(frame => printer.format(frame)).join(''))
      wake()
    },

    wake,
    close,

    /** The socket took everything: goes on. */
    drained: wake,

    /** The client has gone. */
    gone (): void {
      if (stage === 'closed') return
      stage = 'closed'
      onClosed(connection)
    },

    /** Prints a frame that has no place in the stream, when there is room: stored nowhere, so a stuck reader misses it. [CMD-1] */
    volatile (frame: Frame): boolean {
      if (stage === 'attaching' || stage === 'closed' || !hasRoom()) return false
      write(printer.format(frame))
      return true
    },

    /** Adds a job to what is to be printed. */
    add (job: Job): void {
      jobs.push(job)
      wake()
    },

    /** Once a second: the token's end, a stuck reader, the heartbeat. */
    tick (): void {
      if (stage === 'closed' || stage === 'attaching') return
      const due = isStuck() ? 'SLOW' : lifetime.due()
      if (due) return close(due)
      if (!isSilent() || !hasRoom()) return
      // before READY of a fresh attach the cursor would skip unread messages that are not printed yet
      const cursor = stage === 'pending' && fresh ? '' : printer.format({ id: formatCursor(position) })
      write(printer.comment + cursor)
    }
  }
  return connection
}

export type Connection = ReturnType<typeof createConnection>
