// The peer of a WebSocket: what is held of a connection from its upgrade on. Nothing of its request is.
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { RawData, WebSocket } from 'ws'
import type { Hub } from '../hub/hub.js'
import type { Bye } from '../protocol/events.js'
import type { Connection } from '../stream/connection.js'
import type { TokenLife } from '../stream/lifetime.js'
import { goodbye } from '../stream/say.js'
import type { Reader } from './down.js'
import { WebSocketOut } from './websocket-out.js'
import { Pace } from './websocket-pace.js'
import type { Sender } from './websocket-up.js'

/** Who was too fast again and again stays away for so long at least. */
const BUSY_MS = 5_000

/** What the peers of a server share. */
export interface PeerFloor {
  hub: Pick<Hub, 'attach'>
  app: Pick<FastifyInstance, 'answered'>
  now (): number
  /** Answers a frame. Never rejects. */
  take (sender: Sender, frame: Buffer): Promise<void>
}

/** Who came by what: `stream` is the connection below the socket, `report` what is said of it in the log when it has ended. */
interface Upgraded { socket: WebSocket, stream: Duplex, reader: Reader, report: ReturnType<FastifyInstance['reportOf']> }

const PEER = Symbol('peer')
interface Carrier { [PEER]?: WebSocketPeer }

/** A peer. A class, and so are its parts, and its listeners are shared: there is one per connection. */
export class WebSocketPeer implements Sender {
  readonly socket: WebSocket
  readonly reader: Reader
  readonly out: WebSocketOut
  readonly pace: Pace
  /** A fresh token may come while the attach is under way. */
  life: TokenLife
  brokenFrames = 0
  /** Whether it has answered the last ping. */
  isAlive = true
  #connection: Connection | undefined
  readonly report: Upgraded['report']

  constructor ({ socket, stream, reader, report }: Upgraded, private readonly floor: PeerFloor) {
    this.socket = socket
    this.reader = reader
    this.life = reader
    this.report = report
    this.out = new WebSocketOut(socket, stream, this)
    this.pace = new Pace(this)
    for (const carrier of [socket, stream] as Carrier[]) carrier[PEER] = this
    // the package's listener of errors holds the request
    socket.removeAllListeners('error').on('error', onError)
    socket.on('message', onMessage).on('ping', onPing).on('pong', onPong).on('close', onClose)
    stream.on('drain', onDrain)
  }

  /** Attaches it. Throws what `hub.attach` throws. */
  async attach (cursor: string | undefined): Promise<void> {
    const { reader, out: printer, floor: { hub } } = this
    const onLife = (lifetime: TokenLife) => { this.life = lifetime }
    const connection = await hub.attach({
      ...reader, traceId: this.report.traceId, printer, transport: 'ws', onLife, ...(cursor !== undefined && { cursor })
    })
    this.#connection = connection
    if (connection) this.report.isQuiet = !connection.isBegun
    else this.end('TOO_MANY_TERMINALS')
  }

  /** Says goodbye; a client that waits comes back after `notBeforeMs`. @param isQuiet whether that is worth no line in the log. */
  end (bye: Bye, notBeforeMs = 0, isQuiet = this.report.isQuiet): void {
    this.report.isQuiet = isQuiet
    if (this.#connection) return this.#connection.close(bye, undefined, notBeforeMs)
    this.out.end(this.out.format(goodbye(bye, { now: this.floor.now(), traceId: this.report.traceId, notBeforeMs })), bye)
  }

  take (frame: Buffer): Promise<void> { return this.floor.take(this, frame) }
  onBroken (): void { this.end('BAD_REQUEST') }
  onBusy (): void { this.end('BUSY', BUSY_MS) }

  closed (): void {
    this.pace.closed()
    this.out.closed()
    this.floor.app.answered(this.report, false)
  }

  drained (): void {
    this.pace.drained()
    this.out.drained()
  }
}

/** @returns the peer of a socket, once it has one. */
export const peerOf = (socket: object): WebSocketPeer | undefined => (socket as Carrier)[PEER]

function onMessage (this: WebSocket, data: RawData, isBinary: boolean): void {
  if (isBinary) peerOf(this)?.onBroken()
  else peerOf(this)?.pace.receive(data as Buffer)
}

function onPing (this: WebSocket, data: Buffer): void { peerOf(this)?.pace.pinged(data) }

/** It proves the connection, not that anybody is there: the lease is renewed by heartbeats and commands alone. [LIFE-2] */
function onPong (this: WebSocket): void {
  const peer = peerOf(this)
  if (peer) peer.isAlive = true
}

function onClose (this: WebSocket): void { peerOf(this)?.closed() }
function onDrain (this: Duplex): void { peerOf(this)?.drained() }
function onError (this: WebSocket): void { this.terminate() }
