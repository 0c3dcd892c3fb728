// Sending: a message waits here until it is known to be stored. A retry carries the same clientMsgId, so it is stored once.
import { Refusal } from './call.js'

const MAX_WAIT_MS = 15_000

/**
 * Makes the outbox of a terminal. Messages go one after the other, in the order in which they were written.
 * `onStored(item, ack)` is called with the answer; `item.attempts` says how often it was sent.
 * @returns `send(to, text)`, `flush()` after a reconnect, `settle(clientMsgId)` when
 *   the stream brought the ACK, `retry(item)`, `discard(item)`.
 */
export function createOutbox ({ call, memory, network, changed, onStored }) {
  const items = memory.outbox
  let busy = false
  let timer

  function send (to, text) {
    items.push({ clientMsgId: crypto.randomUUID(), to, text, state: 'sending', attempts: 0 })
    keep()
    flush()
  }

  async function flush () {
    clearTimeout(timer)
    if (busy) return
    busy = true
    for (let item; (item = items.find(({ state }) => state !== 'failed'));) {
      if (!await store(item)) break
    }
    busy = false
  }

  /** @returns whether the outcome is known. */
  async function store (item) {
    item.state = 'sending'
    changed()
    try {
      const ack = await post(item)
      settle(item.clientMsgId)
      onStored(item, ack)
      return true
    } catch (error) {
      if (error instanceof Refusal && !error.retryable) {
        Object.assign(item, { state: 'failed', reason: error.message })
        keep()
        return true
      }
      later(item, error.retryAfterMs)
      return false
    }
  }

  async function post (item) {
    const body = { clientMsgId: item.clientMsgId, to: item.to, type: 'text', content: { text: item.text } }
    const attempt = () => {
      item.attempts++
      return call('POST', '/v1/up/msg', body)
    }
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof Refusal || network.cut) throw error
      return await attempt() // no answer: stored or not, nobody knows, so the first retry goes at once
    }
  }

  function later (item, atLeastMs = 0) {
    item.state = 'waiting'
    keep()
    if (!network.cut) timer = setTimeout(flush, Math.max(atLeastMs, Math.min(MAX_WAIT_MS, 500 * 2 ** item.attempts)))
  }

  function settle (clientMsgId) {
    const index = items.findIndex(item => item.clientMsgId === clientMsgId)
    if (index < 0) return undefined
    const [item] = items.splice(index, 1)
    keep()
    return item
  }

  function keep () {
    memory.save()
    changed()
  }

  function retry (item) {
    item.state = 'sending'
    flush()
  }

  return { items, send, flush, settle, retry, discard: item => settle(item.clientMsgId) }
}
