// Receivers of any system, by SSE or WebSocket: raw sockets that know when they are live, and count the messages that come.
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { attachAll } from './attach.js'
import type { Counter } from './counter.js'
import { frameOf, PING, PONG, readFrames, TEXT } from './frames.js'
import type { Lane } from './posts.js'
import type { Letter, Wire } from './wires.js'

/** Before what each message says of when it was posted. */
const MARK = '"text":"@'
const LIVE_MS = 60_000
/** One buffer for all sockets: a read is scanned before the next one begins. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024)

/** Opens a socket and writes the request; `onText` gets what has not been used yet and returns what is still not. */
function openRaw (port: number, request: string, onText: (text: string) => string): Socket {
  let rest = ''
  const callback = (length: number) => {
    rest = onText(rest + buffer.toString('latin1', 0, length))
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } })
  socket.write(request, 'latin1')
  return socket
}

/** Makes the receivers of a system; a user may have several, as members of a group have where a group is one channel. */
export function createReceivers (port: number, wire: Wire, counter: Counter) {
  const sockets = new Set<Socket>()
  const byUser = new Map<string, Socket>()
  const lanes = new Map<string, (isDone: boolean) => void>()
  let ended = 0

  /** Counts what is whole. @returns what may be the beginning of another one. */
  function count (text: string): string {
    for (let at = text.indexOf(MARK), from = 0; ; at = text.indexOf(MARK, from)) {
      if (at < 0) return text.slice(Math.max(from, text.length - MARK.length))
      from = text.indexOf('@', at + MARK.length) + 1
      if (from === 0) return text.slice(at)
      counter.message(text, at)
    }
  }

  function onFrame (kind: number, payload: string, { socket, live }: { socket: Socket, live: () => void }): void {
    if (kind === PING) return void socket.write(frameOf(PONG, payload), 'latin1')
    if (kind !== TEXT) return
    const reply = wire.replyTo(payload)
    if (reply !== undefined) return void socket.write(frameOf(TEXT, reply), 'latin1')
    const answer = wire.answerIn(payload)
    if (answer) lanes.get(answer.lane)?.(answer.isDone)
    else if (wire.ready !== undefined && payload.includes(wire.ready)) live()
    else count(payload)
  }

  /** Opens a receiver. @returns when it is live. */
  async function open (user: string, isSocket: boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      let isOpen = false
      let isLive = false
      const live = () => {
        isLive = true
        clearTimeout(timer)
        resolve()
      }
      function head (text: string): number {
        const end = text.indexOf('\r\n\r\n')
        if (end < 0) return -1
        if (!text.startsWith(isSocket ? 'HTTP/1.1 101' : 'HTTP/1.1 200')) throw new Error(`${user} was refused: ${text.slice(0, 300)}`)
        isOpen = true
        if (wire.ready === undefined) live()
        return end + 4
      }
      function onText (text: string): string {
        counter.hasRead()
        const from = isOpen ? 0 : head(text)
        if (from < 0) return text
        if (isSocket) return readFrames(text.slice(from), (kind, payload) => onFrame(kind, payload, { socket, live }))
        if (isLive) return count(text)
        const at = text.indexOf(wire.ready as string, from)
        if (at < 0) return text.slice(from)
        live()
        return count(text.slice(at))
      }
      const socket = openRaw(port, isSocket ? wire.openSocket(user) : wire.openStream(user), onText)
      const timer = setTimeout(() => socket.destroy(), LIVE_MS)
      sockets.add(socket)
      byUser.set(user, socket)
      socket.on('error', reject)
      socket.on('close', () => {
        if (sockets.delete(socket) && isLive) ended++
        reject(new Error(`the receiver of ${user} was closed`))
      })
    })
  }

  return {
    /** Opens one for each; @returns how long it took until all were live, in seconds. */
    attach: async (users: string[], isSocket: boolean): Promise<number> => await attachAll(users, user => open(user, isSocket)),

    /** How many were closed by the server while they were live. */
    ended: () => ended,

    /** Opens a lane on which messages go up the receivers' own sockets, one at a time. */
    openLane (onAnswer: (isDone: boolean) => void): Lane<Letter> {
      const lane = String(lanes.size)
      lanes.set(lane, onAnswer)
      return {
        send: letter => { byUser.get(letter.from)?.write(frameOf(TEXT, wire.frame(letter, lane)), 'latin1') },
        end: () => { lanes.delete(lane) }
      }
    },

    async detach (): Promise<void> {
      const all = [...sockets]
      sockets.clear()
      byUser.clear()
      for (const socket of all) socket.destroy()
      while (all.some(socket => !socket.closed)) await pause(10)
    }
  }
}
