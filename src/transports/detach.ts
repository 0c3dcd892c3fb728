// Takes a connection out of Node's HTTP server for an answer that has no end of its own, as an upgrade does: request, response and parser
// would cost a stream more memory than all the rest of it.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'

/** Who holds a connection from then on. */
export interface Holder {
  /** It is closed. */
  closed (): void
  /** It has taken everything that was written. */
  drained (): void
}

const HOLDER = Symbol('holder')

/**
 * Parts of Node that are no public API, the same in 22, 24 and 26:
 * where one is another, the answer stays in HTTP. `npm run check` tries them.
 */
interface HttpSocket extends Socket { parser?: object | null, _httpMessage?: ServerResponse | null, [HOLDER]?: Holder }
type FreeParser = (parser: object, request: IncomingMessage, socket: Socket) => void
const { freeParser } = createRequire(import.meta.url)('_http_common') as { freeParser?: FreeParser }

/** By what Node's HTTP server listens to a connection; the last two while it reads by itself. */
const OWN = {
  data: 'bound socketOnData',
  end: 'bound socketOnEnd',
  close: 'bound socketOnClose',
  drain: 'bound socketOnDrain',
  error: 'socketOnError',
  timeout: 'socketOnTimeout'
}
const WHILE_READING = { pause: 'onSocketPause', resume: 'onSocketResume' }

/** @returns the listeners of Node's HTTP server; undefined when they are not those that are known. */
function ownListeners (socket: Socket): [event: string, listener: () => void][] | undefined {
  const found = Object.entries({ ...OWN, ...WHILE_READING }).flatMap(([event, name]) =>
    socket.listeners(event)
      .filter(listener => listener.name === name)
      .map((listener): [string, () => void] => [event, listener as () => void]))
  return Object.keys(OWN).every(event => found.some(([name]) => name === event)) ? found : undefined
}

// shared by all connections: closures would cost each more than they do
const ignore = () => undefined
function onDrain (this: HttpSocket): void { this[HOLDER]?.drained() }
/** The peer has said all it had to say; of a stream it has not ended, Node's HTTP server ends it the same way. */
function onEnd (this: HttpSocket): void { this.end() }

/**
 * Makes the detaching of a server. What its `closeAllConnections` closes are these connections, too: else it would have forgotten them.
 * @returns `detach(answer, holder)`: takes the connection of an answer whose head was written, and which is
 *   alone there. What comes behind its request is not read as HTTP any more: the head has said `Connection:
 *   close`. It returns undefined when this Node does not let it go, and has changed nothing then.
 */
export function createDetach (server: Server) {
  const taken = new Set<Socket>()
  const closeAll = server.closeAllConnections.bind(server)
  server.closeAllConnections = () => {
    closeAll()
    for (const socket of taken) socket.destroy()
  }

  function onClose (this: HttpSocket): void {
    taken.delete(this)
    this[HOLDER]?.closed()
  }

  return function detach (answer: ServerResponse, holder: Holder): Socket | undefined {
    const socket: HttpSocket | null = answer.socket
    if (!socket?.parser || socket.destroyed || socket._httpMessage !== answer || typeof freeParser !== 'function') return undefined
    const own = ownListeners(socket)
    if (!own) return undefined
    answer.detachSocket(socket)
    for (const [event, listener] of own) socket.off(event, listener)
    freeParser(socket.parser, answer.req, socket)
    socket.setTimeout(0)
    socket[HOLDER] = holder
    taken.add(socket)
    return socket.on('error', ignore).on('data', ignore).on('end', onEnd).on('drain', onDrain).on('close', onClose)
  }
}

export type Detach = ReturnType<typeof createDetach>
