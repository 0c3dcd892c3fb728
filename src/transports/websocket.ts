// WebSocket: GET /v1/ws. The same pump down, the same execute() up. docs/protocol.md sections 3 and 4.
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { Connection } from '../stream/connection.js'
import type { TokenLife } from '../stream/lifetime.js'
import type { Printer } from '../stream/opening.js'
import { goodbye } from '../stream/say.js'
import { type Bye, byes } from '../protocol/events.js'
import { Problem } from '../protocol/problem.js'
import { downQuery } from '../protocol/stream.js'
import { retryMsOf } from '../store/admission.js'
import { REQUEST_MS, withDeadline } from '../store/deadline.js'
import { isUnavailable } from '../store/redis.js'
import { cursorOf, type DownFloor, queryCheck, type Reader } from './down.js'
import { framesOf, jsonLine } from './frame-json.js'
import { refuseOrigin } from './origin.js'
import { createUp, type UpFloor } from './websocket-up.js'

const SUBPROTOCOL = 'iris.v1'
const PING_MS = 25_000
/** A peer that does not answer a goodbye is cut off. */
const END_MS = 2_000
/** Who was too fast again and again stays away for so long at least. */
const BUSY_MS = 5_000

interface Floor extends DownFloor, UpFloor {
  /** What emits `upgrade` for WebSockets, and for nothing else. [HTTP-1] */
  door: Server
  allowedOrigins: string[]
  bodyBytes: number
}

declare module 'fastify' {
  interface FastifyRequest {
    reader: Reader | null
    /** Until when the attach must be done, by `performance.now()`: the upgrade has one deadline with it. [DEADLINE-1] */
    attachBy: number
  }
}

const checkQuery = queryCheck(downQuery)

/** Mounts the WebSocket. */
export async function mountWebSocket (app: FastifyInstance, floor: Floor): Promise<void> {
  const { door, hub, authenticate, now, allowedOrigins, bodyBytes } = floor
  await app.register(fastifyWebsocket, {
    options: { server: door, maxPayload: bodyBytes, autoPong: false, handleProtocols: offered => offered.has(SUBPROTOCOL) && SUBPROTOCOL },
    // the hub ends all streams, each with its goodbye
    preClose: done => done(),
    errorHandler: (_error, socket) => socket.terminate()
  })
  app.decorateRequest('reader', null)
  app.decorateRequest('attachBy', 0)
  const alive = new WeakSet<WebSocket>()
  const timer = setInterval(() => { for (const socket of app.websocketServer.clients) ping(socket) }, PING_MS)
  timer.unref()
  app.addHook('onClose', async () => clearInterval(timer))

  /** No pong since the last ping: the connection is half open. */
  function ping (socket: WebSocket): void {
    if (!alive.delete(socket)) return socket.terminate()
    socket.ping()
  }

  /** Everything that can be refused is refused before the upgrade, as HTTP. */
  async function admit (request: FastifyRequest): Promise<void> {
    refuseOrigin(request, allowedOrigins)
    const offered = request.headers['sec-websocket-protocol']?.split(',').map(name => name.trim()) ?? []
    if (!request.ws) throw new Problem('UPGRADE_REQUIRED')
    refuseHandshake(request)
    if (!offered.includes(SUBPROTOCOL)) throw new Problem('INVALID_HEADER', { errors: [{ pointer: '/Sec-WebSocket-Protocol', detail: `must offer ${SUBPROTOCOL}` }] })
    checkQuery(request)
    request.attachBy = performance.now() + REQUEST_MS
    request.reader = await withDeadline(() => authenticate(request))
  }

  app.get('/v1/ws', { websocket: true, exposeHeadRoute: false, preValidation: admit }, async (socket, request) => {
    const reader = request.reader as Reader
    const { traceId } = request
    const { socket: stream } = request.raw
    const printer = printerOf(socket, stream, bye => { request.bye = bye })
    let connection: Connection | undefined
    alive.add(socket)
    // it proves the connection, not that anybody is there: the lease is renewed by heartbeats and commands alone [LIFE-2]
    socket.on('pong', () => alive.add(socket))
    // a fresh token may come while the attach is under way
    let life: TokenLife = reader
    const onLife = (lifetime: TokenLife) => { life = lifetime }
    socket.on('message', createUp(floor, { socket, stream, reader, life: () => life, log: request.log, onBroken: () => end('BAD_REQUEST'), onBusy: () => end('BUSY', BUSY_MS) }))
    try {
      const cursor = cursorOf(request)
      const leftMs = request.attachBy - performance.now()
      connection = await withDeadline(() => hub.attach({ ...reader, traceId, printer, transport: 'ws', onLife, ...(cursor !== undefined && { cursor }) }), leftMs)
      if (!connection) end('TOO_MANY_TERMINALS')
      else request.isQuiet = !connection.isBegun
    } catch (error) {
      const code = error instanceof Problem ? error.code : undefined
      request.isQuiet = code === 'RATE_LIMITED'
      end(code === 'KICKED' ? 'KICKED' : code === 'RATE_LIMITED' ? 'BUSY' : 'STORE_LOST', retryMsOf(error))
      if (!isUnavailable(error) && !(error instanceof Problem)) throw error
    }

    function end (bye: Bye, notBeforeMs = 0): void {
      if (connection) return connection.close(bye, undefined, notBeforeMs)
      printer.end(printer.format(goodbye(bye, { now: now(), traceId, notBeforeMs })), bye)
    }
  })
}

/** What the package would refuse by itself, with a text that is no problem. RFC 6455 4.2.1 */
function refuseHandshake ({ headers }: FastifyRequest): void {
  const refuse = (pointer: string, detail: string) => { throw new Problem('INVALID_HEADER', { errors: [{ pointer, detail }] }) }
  if (headers['sec-websocket-version'] !== '13') refuse('/Sec-WebSocket-Version', 'must be 13')
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) refuse('/Sec-WebSocket-Key', 'must be 16 bytes in base64')
}

/** How a WebSocket prints: a frame each. The code of its goodbye closes it, too. */
function printerOf (socket: WebSocket, stream: Duplex, onBye: (bye: Bye) => void): Printer {
  const send = (text: string) => {
    stream.cork() // all of them, in one write
    for (const frame of framesOf(text)) socket.send(frame)
    stream.uncork()
  }
  return {
    format: jsonLine,
    comment: '',
    write: send,
    backlog: () => socket.bufferedAmount,
    end (text, bye) {
      onBye(bye)
      send(text)
      socket.close(byes[bye].code)
      socket.resume() // the peer's close ends it at once
      setTimeout(() => socket.terminate(), END_MS).unref()
    },
    serve (printing) {
      stream.on('drain', () => printing.wake())
      socket.on('close', () => printing.gone())
      if (socket.readyState !== socket.OPEN) printing.gone()
    }
  }
}
