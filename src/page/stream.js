// The stream down: a ticket where one is needed, a way down, the cursor, and what to do when it ends.
import { openSource } from './sources.js'

const MAX_WAIT_MS = 30_000

/**
 * Makes the stream of a terminal. `onEvent(event, data, id)` gets every event, `id` empty when it did not move the cursor;
 * `onState(state, reason?)` gets `connecting`, `live`, `waiting` or `closed`.
 * @returns `open()`, which resumes from the remembered cursor by the remembered transport, and `stop()`.
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
      const { ticket } = memory.transport === 'poll'
        ? {}
        : await call('POST', '/v1/down/tickets', { terminalId: memory.terminalId, platform: 'web' })
      if (mine === turn) listen(ticket)
    } catch (error) {
      if (mine === turn) lost(false, error)
    }
  }

  function query () {
    return { terminalId: memory.terminalId, platform: 'web', ...(memory.cursor && { lastEventId: memory.cursor }) }
  }

  function listen (ticket) {
    const path = { sse: '/v1/down/events', ws: '/v1/ws' }[memory.transport]
    if (path) frames.add({ direction: 'up', title: `GET ${path}`, id: memory.cursor, body: { ticket, ...query() } })
    source = openSource(memory.transport, { call, ticket, query, onOpen: () => onState('connecting'), onEvent: receive, onLost: lost })
  }

  function receive (event, id, data) {
    if (event) {
      frames.add({ direction: 'down', title: event, name: data.name, id, traceId: data.traceId, body: data })
      onEvent(event, data, id)
    }
    if (id) memory.cursor = id // only now: a crash before this line replays the event, it does not lose it
    memory.save()
    if (event === 'CMD_DOWN' && Object.hasOwn(own, data.name)) own[data.name](data.data)
  }

  const own = {
    'IRIS.READY' () {
      failures = 0
      onState('live')
    },
    async 'IRIS.AUTH' () {
      call.forgetToken()
      await call('POST', '/v1/up/token', { token: await call.token() }).catch(() => {}) // else BYE 4101 comes, and a login
    },
    'IRIS.BYE' ({ reconnect, reason, retryAfterMs }) {
      if (reconnect === 'never') return end(reason)
      if (reconnect === 'login') call.forgetToken()
      if (reconnect === 'backoff' || failures++ > 0) wait(retryAfterMs)
      else open()
    }
  }

  function lost (isReopening, error) {
    if (isReopening) return onState('waiting')
    if (error?.retryable === false) return end(error.message)
    wait(error?.retryAfterMs)
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
