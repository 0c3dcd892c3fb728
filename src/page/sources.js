// Three ways down from one cursor: Server-Sent Events, long-poll, WebSocket. Each only hands on what comes. [POLL-1]

const EVENTS = ['MSG_DOWN', 'ACK_DOWN', 'CMD_DOWN', 'NOTICE_DOWN']
const POLL_MS = 25_000

/** The transports by their names, in the order in which they are offered. */
export const transports = { sse: 'SSE', poll: 'Long-poll', ws: 'WebSocket' }

/**
 * Opens a way down.
 * @param transport a key of `transports`
 * @param way `call`, `ticket`, `query` (a function: the cursor moves), and what is told: `onOpen()`, `onEvent(name, id, data)`,
 *   `onLost(isReopening, error?)`: it broke off, and comes back by itself or not.
 * @returns `close()`
 */
export function openSource (transport, way) {
  return { sse: openEvents, poll: openPoll, ws: openSocket }[transport](way)
}

function openEvents ({ ticket, query, onOpen, onEvent, onLost }) {
  const source = new EventSource(`/v1/down/events?${new URLSearchParams({ ticket, ...query() })}`)
  let seen = query().lastEventId ?? ''
  const receive = ({ type, data, lastEventId }) => {
    const id = lastEventId === seen ? '' : lastEventId
    seen = lastEventId
    onEvent(type, id, JSON.parse(data))
  }
  for (const name of EVENTS) source.addEventListener(name, receive)
  // CONNECTING: the browser comes back by itself, with Last-Event-ID. CLOSED: it has given up, so a new ticket is needed.
  source.onerror = ({ target }) => onLost(target.readyState !== EventSource.CLOSED)
  source.onopen = onOpen
  return { close: () => source.close() }
}

function openSocket ({ ticket, query, onOpen, onEvent, onLost }) {
  const base = window.location.origin.replace(/^http/, 'ws')
  const socket = new WebSocket(`${base}/v1/ws?${new URLSearchParams({ ticket, ...query() })}`, 'iris.v1')
  socket.onopen = onOpen
  socket.onclose = () => onLost(false)
  socket.onmessage = ({ data: text }) => {
    const { event, id = '', data } = JSON.parse(text)
    onEvent(event, id, data)
  }
  return {
    close () {
      socket.onclose = null
      socket.close()
    }
  }
}

/** Polls again and again. HELLO, RESET and READY are in the answers of a poll, not among its events: here they are made of them. */
function openPoll ({ call, query, onOpen, onEvent, onLost }) {
  const ended = new AbortController()
  const tell = (name, data, id = '') => onEvent('CMD_DOWN', id, { name, op: 'do', data })

  async function poll (timeoutMs) {
    const path = `/v1/down/poll?${new URLSearchParams({ ...query(), timeoutMs })}`
    return await call('GET', path, undefined, ended.signal)
  }

  async function run () {
    const hasCursor = query().lastEventId !== undefined
    for (let isFirst = true, isAttached = false; !ended.signal.aborted; isFirst = false) {
      const { recovered, reset, ready = {}, events, cursor, more } = await poll(isAttached ? POLL_MS : 0)
      if (isFirst) onOpen()
      // a fresh answer that was not finished goes on without a word of it
      const resumed = isFirst && hasCursor && !reset
      if (isFirst || reset) tell('IRIS.HELLO', { recovered: resumed || recovered })
      if (reset) tell('IRIS.RESET', reset)
      for (const { event, id = '', data } of events) onEvent(event, id, data)
      if (isAttached || more) onEvent(undefined, cursor)
      else tell('IRIS.READY', ready, cursor)
      isAttached ||= !more
    }
  }

  run().catch(error => { if (!ended.signal.aborted) onLost(false, error) })
  return { close: () => ended.abort() }
}
