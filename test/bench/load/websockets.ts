// WebSockets that count what comes down and carry commands up.
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { attachAll, type Readers } from './attach.js'
import type { Counter } from './counter.js'
import { frameOf, PING, PONG, readFrames, TEXT, UPGRADE } from './frames.js'
import type { OpenLane } from './posts.js'
import type { Requests } from './requests.js'

const HANDSHAKE = `${UPGRADE}Sec-WebSocket-Protocol: iris.v1\r\n`
/** The answer to a command; an ACK_DOWN with an id is the sender's own entry in his stream. */
const ANSWER = '{"event":"ACK_DOWN","requestId":"'
const REFUSAL = '{"requestId":"'
/** One buffer for all sockets: a read is scanned before the next one begins. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024)

/** Makes the WebSockets of a server. */
export function createWebSockets (port: number, requests: Requests, counter: Counter): Readers & { openLane: OpenLane } {
  const sockets = new Map<string, Socket>()
  const lanes = new Map<string, (isDone: boolean) => void>()

  /** Opens a WebSocket. @returns when it is live. */
  async function open (userId: string): Promise<void> {
    return await new Promise((resolve, reject) => {
      let rest = ''
      let upgraded = false
      function onFrame (kind: number, payload: string): void {
        if (kind === PING) socket.write(frameOf(PONG, payload), 'latin1')
        if (kind !== TEXT) return
        if (payload.startsWith('{"event":"MSG_DOWN"')) counter.message(payload, 0)
        else if (payload.startsWith(ANSWER)) answered(payload, ANSWER)
        else if (payload.startsWith('{"event":"ACK_DOWN"')) counter.ack()
        else if (payload.includes('"IRIS.READY"')) resolve()
        else if (payload.startsWith(REFUSAL)) answered(payload, REFUSAL)
      }
      function scan (length: number): boolean {
        rest += buffer.toString('latin1', 0, length)
        counter.hasRead()
        const head = upgraded ? 0 : rest.indexOf('\r\n\r\n') + 4
        if (!upgraded && !(head > 4 && rest.startsWith('HTTP/1.1 101 '))) return true
        upgraded = true
        rest = readFrames(rest.slice(head), onFrame)
        return true
      }
      const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback: scan } })
      socket.write(requests.get('/v1/ws', userId, HANDSHAKE))
      sockets.set(userId, socket)
      socket.on('error', reject)
      socket.on('close', () => {
        sockets.delete(userId)
        reject(new Error(`the WebSocket of ${userId} ended: ${rest.slice(0, 300)}`))
      })
    })
  }

  function answered (payload: string, head: string): void {
    if (head === REFUSAL) process.stderr.write(`refused: ${payload}\n`)
    lanes.get(payload.slice(head.length, payload.indexOf('"', head.length)))?.(head === ANSWER)
  }

  return {
    attach: async users => await attachAll(users, open),

    /** A command goes up the WebSocket of its user; the lane knows its answer by the request id. */
    async openLane (onAnswer) {
      const id = `lane-${lanes.size}`
      lanes.set(id, onAnswer)
      return {
        send: ({ userId, body }) => {
          sockets.get(userId)?.write(frameOf(TEXT, `{"up":"MSG_UP","requestId":"${id}","body":${body}}`), 'latin1')
        },
        end: () => { lanes.delete(id) }
      }
    },

    async detach () {
      for (const socket of sockets.values()) socket.destroy()
      while (sockets.size > 0) await pause(10)
    }
  }
}
