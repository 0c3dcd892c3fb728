// WebSocket: GET /v1/ws. The same pump down, the same execute() up. docs/protocol.md sections 3 and 4.
import type { Server } from 'node:http'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { Problem } from '../protocol/problem.js'
import { downQuery } from '../protocol/stream.js'
import { retryMsOf } from '../store/access/admission.js'
import { REQUEST_MS, withDeadline } from '../store/deadline.js'
import { isUnavailable } from '../store/redis/redis.js'
import { cursorOf, type DownFloor, queryCheck, type Reader } from './down.js'
import { refuseOrigin } from './origin.js'
import { peerOf, WebSocketPeer } from './websocket-peer.js'
import { createUp, type UpFloor } from './websocket-up.js'

const SUBPROTOCOL = 'iris.v1'
const PING_MS = 25_000

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
    /** Its answer, until it is upgraded. */
    answer: FastifyReply | null
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
    errorHandler (err, socket, { traceId }) {
      app.log.error({ err, traceId }, 'a bug: a WebSocket could not be attached')
      socket.terminate()
    }
  })
  app.decorateRequest('reader', null)
  app.decorateRequest('attachBy', 0)
  app.decorateRequest('answer', null)
  const shared = { app, hub, now, take: createUp(floor, app.log) }
  const timer = setInterval(() => { for (const socket of app.websocketServer.clients) ping(socket) }, PING_MS)
  timer.unref()
  app.addHook('onClose', async () => clearInterval(timer))

  /** No pong since the last ping: the connection is half open. */
  function ping (socket: WebSocket): void {
    const peer = peerOf(socket)
    if (!peer?.isAlive) return socket.terminate()
    peer.isAlive = false
    socket.ping()
  }

  /** Everything that can be refused is refused before the upgrade, as HTTP. */
  async function admit (request: FastifyRequest, reply: FastifyReply): Promise<void> {
    refuseOrigin(request, allowedOrigins)
    const offered = request.headers['sec-websocket-protocol']?.split(',').map(name => name.trim()) ?? []
    if (!request.ws) throw new Problem('UPGRADE_REQUIRED')
    refuseHandshake(request)
    if (!offered.includes(SUBPROTOCOL)) {
      throw new Problem('INVALID_HEADER', { errors: [{ pointer: '/Sec-WebSocket-Protocol', detail: `must offer ${SUBPROTOCOL}` }] })
    }
    checkQuery(request)
    request.answer = reply
    request.attachBy = performance.now() + REQUEST_MS
    request.reader = await withDeadline(() => authenticate(request))
  }

  app.get('/v1/ws', { websocket: true, exposeHeadRoute: false, preValidation: admit }, async (socket, request) => {
    const peer = new WebSocketPeer(upgraded(request, socket), shared)
    try {
      await withDeadline(() => peer.attach(cursorOf(request)), request.attachBy - performance.now())
    } catch (error) {
      const code = error instanceof Problem ? error.code : undefined
      peer.end(code === 'KICKED' ? 'KICKED' : code === 'RATE_LIMITED' ? 'BUSY' : 'STORE_LOST', retryMsOf(error), code === 'RATE_LIMITED')
      if (!isUnavailable(error) && !(error instanceof Problem)) throw error
    }
  })

  /** Takes a connection out of its request, which is not held from then on: it is said in the log when it ends. */
  function upgraded ({ raw, reader, answer }: FastifyRequest, socket: WebSocket) {
    const { socket: stream } = raw
    const reply = answer as FastifyReply
    const report = app.reportOf(reply)
    reply.leaveLine()
    reply.raw.detachSocket(stream)
    return { socket, stream, reader: reader as Reader, report }
  }
}

/** What the package would refuse by itself, with a text that is no problem. RFC 6455 4.2.1 */
function refuseHandshake ({ headers }: FastifyRequest): void {
  const refuse = (pointer: string, detail: string) => { throw new Problem('INVALID_HEADER', { errors: [{ pointer, detail }] }) }
  if (headers['sec-websocket-version'] !== '13') refuse('/Sec-WebSocket-Version', 'must be 13')
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) refuse('/Sec-WebSocket-Key', 'must be 16 bytes in base64')
}
