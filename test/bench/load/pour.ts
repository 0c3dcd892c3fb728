// More requests than a server can do: at a rate, whatever the answers, over many connections or behind each other on a few.
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { quantiles } from './counter.js'

/** `depth`: so many requests of a connection may be under way; one that finds no connection waits, and its time counts. */
export interface Pour { seconds: number, rate: number, sockets: number, depth: number }

interface Request { text: string, at: number }

/** What is not answered by then never will be, ms. */
const LATE_MS = 15_000
/** One buffer for all sockets: a read is scanned before the next one begins. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024)

/** Calls back with each whole answer. @returns what is left: the beginning of the next one. */
function readAnswers (text: string, onAnswer: (status: string, body: string) => void): string {
  let from = 0
  for (;;) {
    const head = text.indexOf('\r\n\r\n', from)
    if (head < 0) return text.slice(from)
    const end = head + 4 + Number(/content-length: (\d+)/i.exec(text.slice(from, head))?.[1] ?? 0)
    if (text.length < end) return text.slice(from)
    onAnswer(text.slice(from + 9, from + 12), text.slice(head + 4, end))
    from = end
  }
}

/** Counts answers by what they say; ms from when each request was due. */
function createTally () {
  const admitted: number[] = []
  const shed: number[] = []
  const failures: Record<string, number> = {}
  const tally = {
    answered: 0,
    lastAt: 0,
    add (status: string, body: string, at: number): void {
      tally.answered++
      tally.lastAt = performance.now()
      const code = status === '200' ? undefined : /"code":"(\w+)"/.exec(body)?.[1] ?? status
      if (code === undefined) admitted.push(tally.lastAt - at)
      else if (code === 'OVERLOADED') shed.push(tally.lastAt - at)
      else failures[code] = (failures[code] ?? 0) + 1
    },
    /** `shed`: OVERLOADED; `failures`: anything else, by its code. */
    sum: () => ({
      done: admitted.length,
      shed: shed.length,
      failures,
      admittedMs: quantiles(Float64Array.from(admitted)),
      shedMs: quantiles(Float64Array.from(shed))
    })
  }
  return tally
}

/** Opens the connections. @returns `send(request)`, `isFull()` when none may take one more, and `end()`. */
async function openLanes (port: number, { sockets, depth }: Pour, onAnswer: (status: string, body: string, at: number) => void) {
  const all: Socket[] = []
  const free: { write (request: Request): void, isFull (): boolean }[] = []

  async function open (): Promise<void> {
    const since: number[] = []
    let rest = ''
    function answered (status: string, body: string): void {
      if (since.length === depth) free.push(lane)
      onAnswer(status, body, since.shift() as number)
    }
    function scan (length: number): boolean {
      rest = readAnswers(rest + buffer.toString('latin1', 0, length), answered)
      return true
    }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback: scan } })
    const lane = {
      write ({ text, at }: Request) {
        since.push(at)
        socket.write(text, 'latin1')
      },
      isFull: () => since.length >= depth
    }
    await new Promise<void>((resolve, reject) => socket.on('error', reject).on('connect', () => resolve()))
    all.push(socket)
    free.push(lane)
  }
  await Promise.all(Array.from({ length: sockets }, open))

  return {
    isFull: () => free.length === 0,
    send (request: Request): void {
      const lane = free.shift()
      lane?.write(request)
      if (lane && !lane.isFull()) free.push(lane)
    },
    end: () => { for (const socket of all) socket.destroy() }
  }
}

/** Pours. @param make the text of the n-th request. @returns what became of all of them, when they are answered. */
export async function pourAll (port: number, facts: Pour, make: (n: number) => string) {
  const due: Request[] = []
  const tally = createTally()
  const lanes = await openLanes(port, facts, (status, body, at) => {
    tally.add(status, body, at)
    flow()
  })
  function flow (): void {
    while (due.length > 0 && !lanes.isFull()) lanes.send(due.shift() as Request)
  }

  const began = performance.now()
  const secondsNow = () => (performance.now() - began) / 1000
  let posted = 0
  for (let seconds = 0; seconds < facts.seconds; seconds = secondsNow()) {
    for (; posted < seconds * facts.rate; posted++) due.push({ text: make(posted), at: performance.now() })
    flow()
    await pause(1)
  }
  for (const until = secondsNow() + LATE_MS / 1000; tally.answered < posted && secondsNow() < until;) await pause(10)
  lanes.end()
  return { ...tally.sum(), posted, unanswered: posted - tally.answered, seconds: Math.max(facts.seconds, (tally.lastAt - began) / 1000) }
}
