// Being there: a heartbeat for the own terminal, and whether the peer is online, asked for and watched. [LIFE-2] [SEE-4]

const HEARTBEAT_MS = 30_000

/**
 * Keeps a terminal's lease while it is connected, and looks after the peer.
 * `isConnected()` says whether there is anything to keep; `onPresence(presence)` gets `{ online }`, the newest only.
 * @returns `ask()`, to be called when the terminal's stream has begun, or more may be seen than before; `told(presence)` by the stream
 */
export function startPresence ({ call, peerId, isConnected, onPresence }) {
  let newest = -1

  const beat = () => {
    if (!isConnected()) return
    call('POST', '/v1/up/heartbeat', { state: document.hidden ? 'background' : 'foreground' }).catch(() => {}) // the next one tells
  }

  function told ({ userId, online, since = 0 }) {
    if (userId !== peerId || since < newest) return
    newest = since
    onPresence({ online })
  }

  async function look () {
    if (!isConnected()) return
    const { items } = await call('POST', '/v1/presence', { users: [peerId], watch: true })
    items.forEach(told)
  }

  setInterval(beat, HEARTBEAT_MS)
  document.addEventListener('visibilitychange', beat)

  return { told, ask: () => look().catch(() => {}) } // the next READY asks again
}
