// The stream down: a ticket, an EventSource, the cursor, and what to do when it ends.

const EVENTS = ['MSG_DOWN', 'ACK_DOWN', 'CMD_DOWN', 'NOTICE_DOWN']
const MAX_WAIT_MS = 30_000

/**
 * Makes the stream of a terminal. `onEvent(event, data, id)` gets every event, `id` empty when it did not move the cursor;
 * `onState(state, reason?)` gets `connecting`, `live`, `waiting` or `closed`.
 * @returns `open()`, which resumes from the remembered cursor, and `stop()`.
 */
export function createStream ({ call, memory, frames, onEvent, onState }) {
  let source, retryTimer
  let turn = 0
  let failures = 0

  function stop () {
    turn++
    clearTimeout(retryTimer)
    source?.close()
  }

  async function open () {
    stop()
    const mine = turn
    onState('connecting')
    try {
      const { ticket } = await call('POST', '/v1/down/tickets', { terminalId: memory.terminalId, platform: 'web' })
      if (mine === turn) listen(ticket)
    } catch (error) {
      if (mine !== turn) return
      if (error.retryable === false) end(error.message)
      else wait(error.retryAfterMs)
    }
  }

  function listen (ticket) {
    const query = { terminalId: memory.terminalId, platform: 'web', ...(memory.cursor && { lastEventId: memory.cursor }) }
    const url = secret => `/v1/down/events?${new URLSearchParams({ ticket: secret, ...query })}`
    frames.add({ direction: 'up', title: 'GET /v1/down/events', id: memory.cursor, body: { ticket, ...query } })
    source = new EventSource(url(ticket))
    for (const name of EVENTS) source.addEventListener(name, receive)
    // CONNECTING: the browser comes back by itself, with Last-Event-ID. CLOSED: it has given up, so a new ticket is needed.
    source.onerror = ({ target }) => target.readyState === EventSource.CLOSED ? wait() : onState('waiting')
    source.onopen = () => onState('connecting')
  }

  function receive ({ type, data: text, lastEventId }) {
    const data = JSON.parse(text)
    const id = lastEventId === memory.cursor ? '' : lastEventId
    frames.add({ direction: 'down', title: type, name: data.name, id, traceId: data.traceId, body: data })
    onEvent(type, data, id)
    if (id) memory.cursor = id // only now: a crash before this line replays the event, it does not lose it
    memory.save()
    if (type === 'CMD_DOWN') own[data.name]?.(data.data)
  }

  const own = {
    'IRIS.READY' () {
      failures = 0
      onState('live')
    },
    'IRIS.BYE' ({ reconnect, reason, retryAfterMs }) {
      if (reconnect === 'never') return end(reason)
      if (reconnect === 'login') call.forgetToken()
      if (reconnect === 'backoff' || failures++ > 0) wait(retryAfterMs)
      else open()
    }
  }

  function wait (atLeastMs = 0) {
    stop()
    onState('waiting')
    const spread = Math.random() * Math.min(MAX_WAIT_MS, 500 * 2 ** failures++)
    retryTimer = setTimeout(open, Math.max(atLeastMs, spread))
  }

  function end (reason) {
    stop()
    onState('closed', reason)
  }

  return { open, stop }
}
