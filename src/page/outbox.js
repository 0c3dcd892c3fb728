// What is seen of the client's outbox: messages that are not known to be stored yet, and those that were refused.

/**
 * Makes the look at a terminal's outbox.
 * @returns `items()`, each `{ clientMsgId, text, state: sending | waiting | failed, reason? }`; `send(text)`; of a refused one
 *   `retry(item)`, with its own id, and `discard(item)`. What becomes of a message is seen, not promised.
 */
export function createOutbox ({ iris, peerId, book, network, changed }) {
  const items = new Map()

  iris.on('outbox', ({ item: { clientMsgId, type, content }, state, error, ack }) => {
    if (state === 'stored') {
      items.delete(clientMsgId)
      book.put({ ...ack, from: iris.userId, type, content, times: network.timesOf(clientMsgId) })
    } else items.set(clientMsgId, { clientMsgId, text: content.text, state, reason: error?.message })
    changed()
  })

  function send (text) {
    iris.send(peerId, text)
  }

  function retry ({ text, clientMsgId }) {
    iris.send(peerId, { type: 'text', content: { text }, clientMsgId })
  }

  function discard ({ clientMsgId }) {
    items.delete(clientMsgId)
    changed()
  }

  return { items: () => [...items.values()], send, retry, discard }
}
