// Upgrades: a WebSocket at its address; any other is ignored, and its request is answered as usual. [HTTP-1]
import { type IncomingMessage, Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'

interface Options {
  /** Where WebSockets are taken. */
  path: string
  /** So long a handshake may stay without an answer, ms. */
  answerMs: number
}

/**
 * Takes the upgrades of a server. Node takes every request with `Upgrade` out of HTTP as soon as somebody listens for them;
 * what is no WebSocket goes back in as if the header had not been sent, with its body and all that was sent behind it.
 * (Node's own `shouldUpgradeCallback` loses what stands behind such a request in the same packet.)
 * @returns `door`, a server that never listens and has the event `upgrade` for WebSockets alone; `end()` cuts all sockets
 *   that were taken and are still open, or wait for earlier answers: the server itself has forgotten them.
 */
export function createUpgrades (server: Server, { path, answerMs }: Options) {
  const door = new Server()
  const taken = new Set<Socket>()
  // not made where the request is known: it would be held for as long as the socket
  function forget (this: Socket): void { taken.delete(this) }

  function open (request: IncomingMessage, socket: Socket, head: Buffer): void {
    setTimeout(endSilent, answerMs, socket, socket.bytesWritten).unref()
    request.headers.upgrade = 'websocket'
    door.emit('upgrade', request, socket, head)
  }

  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const socket = stream as Socket
    taken.add(socket)
    socket.once('close', forget)
    whenFree(socket, () => {
      if (isWebSocket(request, path)) return open(request, socket, head)
      socket.off('close', forget)
      taken.delete(socket)
      socket.unshift(Buffer.concat([headOf(request), head]))
      server.emit('connection', socket)
    })
  })

  return { door, end: () => { for (const socket of taken) socket.destroy() } }
}

export type Upgrades = ReturnType<typeof createUpgrades>

/** A handshake that nobody has answered meanwhile. */
function endSilent (socket: Socket, bytesWritten: number): void { if (socket.bytesWritten === bytesWritten) socket.destroy() }

/** RFC 6455 4.1: a GET of HTTP/1.1 or later. One with a body could not be told from the frames behind it. */
function isWebSocket ({ method, url = '', headers, httpVersion }: IncomingMessage, path: string): boolean {
  const offered = (headers.upgrade ?? '').toLowerCase().split(',').map(name => name.trim())
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
  return method === 'GET' && httpVersion !== '1.0' && url.split('?', 1)[0] === path && offered.includes('websocket') && !hasBody
}

/** The head as it came, in its order and with its doubles, but without `Upgrade`. A line break cannot stand in it. */
function headOf ({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    if (name.toLowerCase() !== 'upgrade') text += `${name}: ${value.replaceAll(/[\r\n]+/g, ' ')}\r\n`
  }
  return Buffer.from(text + '\r\n', 'latin1')
}

/**
 * Calls back when the answers to earlier requests on the socket have gone out: two parsers at once would mix them up. Until
 * then nobody else listens to the socket's errors and drains: Node has taken its own listeners away.
 */
function whenFree (socket: Socket, then: () => void): void {
  const answer = () => (socket as { _httpMessage?: ServerResponse | null })._httpMessage
  const ignore = () => undefined
  const drained = () => { answer()?.emit('drain') }
  socket.on('error', ignore).on('drain', drained)

  function look (): void {
    const current = answer()
    if (current) return void current.once('close', look)
    socket.off('error', ignore).off('drain', drained)
    // the first parser's keep-alive: nobody would take it back
    socket.setTimeout(0)
    if (!socket.destroyed && socket.writable) then()
  }
  look()
}
