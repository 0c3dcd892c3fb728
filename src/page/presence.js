// Whether the peer is online: asked for and watched. [SEE-4]

/**
 * Watches the peer. `onPresence(presence)` gets `{ online }`, the newest only.
 * @returns `ask()`, to be called when the terminal is live for the first time, and when more may be seen than before
 */
export function watchPeer ({ iris, peerId, onPresence }) {
  let newest = -1

  function told ({ userId, online, since = 0 }) {
    if (userId !== peerId || since < newest) return
    newest = since
    onPresence({ online })
  }

  iris.on('presence', told)
  return { ask: () => iris.presence([peerId], { watch: true }).then(items => items.forEach(told), () => {}) } // the next one tells
}
