// The network between the page and its gateway: it shows every request on the wire, and plays a bad one when it is asked to.

/** The ways down by the names that the client has for them. */
export const transports = { sse: 'SSE', poll: 'Long-poll', websocket: 'WebSocket' }

const SEND = '/v1/up/msg'
const DOWN = ['/v1/down/events', '/v1/down/poll', '/v1/ws']

/**
 * Makes the network of a user's terminal: `fetch` and `WebSocket` are for the client.
 * `cut()` breaks everything off, and lets nothing through until `mend()`; `isLossy`: the next send arrives, but its answer is lost together
 * with the connection; `spoil()`: the next way down is asked for a cursor of another life of the stream.
 * @returns `cursor`, with which the last way down was begun; `timesOf(clientMsgId)`: how often that message really went up
 */
export function createNetwork (userId, frames) {
  const network = { isCut: false, isLossy: false, cursor: '', fetch: request, WebSocket: openSocket, cut, mend, spoil, timesOf }
  const sent = new Map()
  let isSpoiled = false
  let isInTunnel = false
  let line = new AbortController()

  function drop () {
    line.abort(new TypeError('The connection broke off'))
    line = new AbortController()
  }

  function cut () {
    network.isCut = true
    drop()
  }

  function mend () {
    network.isCut = false
  }

  function spoil () {
    isSpoiled = true
  }

  function timesOf (clientMsgId) {
    return sent.get(clientMsgId) ?? 0
  }

  async function request (address, options) {
    if (network.isCut || isInTunnel) throw new TypeError('There is no connection')
    const { pathname } = new URL(address)
    if (pathname !== SEND) return await exchange(address, options)
    const { clientMsgId } = JSON.parse(options.body)
    sent.set(clientMsgId, timesOf(clientMsgId) + 1)
    return network.isLossy ? await lose(address, options) : await exchange(address, options)
  }

  /** Nothing else gets through meanwhile: the stream would say what the answer says. */
  async function lose (address, options) {
    network.isLossy = false
    isInTunnel = true
    drop()
    try {
      await exchange(address, options, 'answer lost on purpose')
    } finally {
      isInTunnel = false
    }
    throw new TypeError('The answer was lost')
  }

  async function exchange (address, { headers, signal, ...options }, note) {
    const url = wayOf(address)
    const traceId = `${userId.slice(0, 40)}-${crypto.randomUUID().slice(0, 8)}`
    const title = up(url, { method: options.method, traceId, body: options.body && JSON.parse(options.body) })
    const response = await fetch(url, {
      ...options, headers: { ...headers, 'Trace-Id': traceId }, signal: AbortSignal.any([signal, line.signal])
    })
    const isStream = response.headers.get('Content-Type')?.includes('event-stream')
    const body = note || isStream ? undefined : await response.clone().json().catch(() => undefined)
    frames.add({
      direction: 'down',
      title: `${response.status} ${title}`,
      traceId: body?.traceId ?? traceId,
      note: note ?? (isStream ? 'the stream begins' : undefined),
      failed: note !== undefined || !response.ok,
      body
    })
    return response
  }

  function up ({ pathname, searchParams }, { method = 'GET', traceId, body = Object.fromEntries(searchParams) }) {
    frames.add({ direction: 'up', title: `${method} ${pathname}`, id: searchParams.get('lastEventId') ?? '', traceId, body })
    return pathname
  }

  /** @returns the address as it is asked for: of a way down with the cursor that was said, or a spoiled one. */
  function wayOf (address) {
    const url = new URL(address)
    if (!DOWN.includes(url.pathname)) return url
    if (isSpoiled) url.searchParams.set('lastEventId', '1-1')
    isSpoiled = false
    network.cursor = url.searchParams.get('lastEventId') ?? ''
    return url
  }

  function openSocket (address, protocol) {
    const url = wayOf(address)
    up(url, {})
    const socket = new WebSocket(url, protocol)
    const { signal } = line
    const stop = () => socket.close()
    signal.addEventListener('abort', stop)
    socket.addEventListener('close', () => signal.removeEventListener('abort', stop))
    return socket
  }

  return network
}
