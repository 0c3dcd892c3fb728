// Readers of SSE streams: raw sockets that look for the ends of frames and the names of events, and nothing else.
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { attachAll, type Readers } from './attach.js'
import type { Counter } from './counter.js'
import type { Requests } from './requests.js'

/** A stream that is not live by then never will be; a storm of them takes a while. */
const READY_MS = 60_000
/** A stream that ended before it was live is opened again after that, as a client would do it. */
const AGAIN_MS = 1_000
/** One buffer for all sockets: a read is scanned before the next one begins. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024)

/** How a storm of resumes ended: how long until all were live, how many recovered, and how often one had to come again. */
export interface Resumed { seconds: number, recovered: number, again: number }

/** Makes the readers of a server. */
export function createStreams (
  port: number, requests: Requests, counter: Counter
): Readers & { resume (users: string[]): Promise<Resumed> } {
  const sockets = new Set<Socket>()
  /** The position at which each user's last stream became live. */
  const cursors = new Map<string, string>()

  /** Opens a stream, from a cursor if there is one. @returns whether it recovered, when it is live. */
  async function open (userId: string, cursor?: string): Promise<boolean> {
    return await new Promise((resolve, reject) => {
      let rest = ''
      let said = ''
      let ready = false
      let recovered = false
      function greeting (frame: string): void {
        said = frame
        if (frame.includes('"recovered":true')) recovered = true
        if (!frame.includes('"IRIS.READY"')) return
        ready = true
        cursors.set(userId, /^id: (.+)$/m.exec(frame)?.[1] ?? '')
        clearTimeout(timer)
        resolve(recovered)
      }
      function scan (length: number): boolean {
        const text = rest + buffer.toString('latin1', 0, length)
        counter.hasRead()
        let from = 0
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n', from)) {
          if (text.startsWith('event: MSG_DOWN', from)) counter.message(text, from)
          else if (text.startsWith('event: ACK_DOWN', from)) counter.ack()
          else if (!ready) greeting(text.slice(from, end))
          from = end + 2
        }
        rest = text.slice(from)
        return true
      }
      const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback: scan } })
      const last = cursor === undefined ? '' : `Last-Event-ID: ${cursor}\r\n`
      socket.write(requests.get('/v1/down/events', userId, `Accept: text/event-stream\r\n${last}`))
      sockets.add(socket)
      const timer = setTimeout(() => socket.destroy(), READY_MS)
      socket.on('error', reject)
      socket.on('close', () => {
        clearTimeout(timer)
        sockets.delete(socket)
        if (!ready) reject(new Error(`the stream of ${userId} ended: ${said}${rest.slice(0, 300)}`))
      })
    })
  }

  return {
    attach: async users => await attachAll(users, open),

    async resume (users) {
      const until = performance.now() + READY_MS
      let recovered = 0
      let again = 0
      const seconds = await attachAll(users, async userId => {
        for (;;) {
          try {
            if (await open(userId, cursors.get(userId))) recovered++
            return
          } catch (error) {
            if (performance.now() > until) throw error
            again++
            await pause(AGAIN_MS * (1 + Math.random()))
          }
        }
      }, users.length)
      return { seconds, recovered, again }
    },

    async detach () {
      for (const socket of sockets) socket.destroy()
      while (sockets.size > 0) await pause(10)
    }
  }
}
