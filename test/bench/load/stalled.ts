// SSE readers that stop reading when they are live, and later read on and see whether anything is missing. [SLOW-1]
import { connect, type Socket } from 'node:net'
import { attachAll } from './attach.js'
import type { Requests } from './requests.js'

interface Reader { userId: string, cursor: string, messages: number, gaps: number, resets: number, goodbyes: number, socket?: Socket }

/**
 * What readers that read on have seen, all together. `gaps`: ids that were not the next one; `goodbyes`: they had been cut off meanwhile.
 */
export type Unstalled = Pick<Reader, 'messages' | 'gaps' | 'resets' | 'goodbyes'>

/** Longer than any reader should need to catch up. */
const CATCH_UP_MS = 60_000

const numberOf = (cursor: string) => Number(cursor.slice(cursor.lastIndexOf('-') + 1))

/** Notes what a frame says. @returns whether it makes the stream live. */
function note (reader: Reader, frame: string): boolean {
  const id = /^id: (.+)$/m.exec(frame)?.[1]
  if (frame.startsWith('event: MSG_DOWN')) reader.messages++
  else if (frame.includes('"IRIS.RESET"')) reader.resets++
  else if (frame.includes('"IRIS.BYE"')) reader.goodbyes++
  if (id !== undefined) {
    // READY and a heartbeat repeat the position; an entry's is the next one [ATTACH-4]
    const step = reader.cursor === '' ? 0 : numberOf(id) - numberOf(reader.cursor)
    if (step !== 0 && step !== 1) reader.gaps++
    reader.cursor = id
  }
  return frame.startsWith('event: CMD_DOWN') && frame.includes('"IRIS.READY"')
}

/** Makes the stalled readers of a server. */
export function createStalled (port: number, requests: Requests) {
  const readers = new Map<string, Reader>()

  /** Opens a stream from the reader's cursor; `onRead` is called after each read, `isLive` when it brought READY. */
  function open (reader: Reader, onRead: (isLive: boolean) => void): Socket {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let rest = ''
    socket.setEncoding('latin1').on('data', (chunk: Buffer | string) => {
      const frames = (rest + String(chunk)).split('\n\n')
      rest = frames.pop() ?? ''
      onRead(frames.filter(frame => note(reader, frame)).length > 0)
    })
    // a server that cuts off a stalled reader may do so by a reset: what counts is what is missing in the end
    socket.on('error', () => undefined)
    const last = reader.cursor === '' ? '' : `Last-Event-ID: ${reader.cursor}\r\n`
    socket.write(requests.get('/v1/down/events', reader.userId, `Accept: text/event-stream\r\n${last}`))
    reader.socket = socket
    return socket
  }

  async function stall (userId: string): Promise<void> {
    const reader: Reader = { userId, cursor: '', messages: 0, gaps: 0, resets: 0, goodbyes: 0 }
    readers.set(userId, reader)
    await new Promise<void>(resolve => {
      const socket = open(reader, isLive => {
        if (!isLive) return
        socket.pause()
        resolve()
      })
    })
  }

  /** Reads on, and comes back whenever the stream ends, until all messages have come, or a RESET. */
  async function unstall (reader: Reader, expected: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${reader.userId} has ${reader.messages} of ${expected} messages`)), CATCH_UP_MS)
      function look (): void {
        if (reader.messages < expected && reader.resets === 0) return
        clearTimeout(timer)
        reader.socket?.destroy()
        resolve()
      }
      const follow = (socket: Socket) => socket.on('data', look).on('close', () => {
        if (reader.messages < expected && reader.resets === 0) follow(open(reader, () => undefined))
      })
      if (reader.socket?.destroyed === false) follow(reader.socket).resume()
      else follow(open(reader, () => undefined))
    })
  }

  return {
    /** Attaches users whose sockets are not read from once they are live. */
    stall: async (users: string[]): Promise<void> => { await attachAll(users, stall) },

    /** These read on until each has so many messages. @returns what they have seen. */
    async unstall ({ users, expected }: { users: string[], expected: number }): Promise<Unstalled> {
      const chosen = users.map(userId => readers.get(userId) as Reader)
      await Promise.all(chosen.map(async reader => await unstall(reader, expected)))
      const sum = (key: keyof Unstalled) => chosen.reduce((total, reader) => total + reader[key], 0)
      return { messages: sum('messages'), gaps: sum('gaps'), resets: sum('resets'), goodbyes: sum('goodbyes') }
    }
  }
}
