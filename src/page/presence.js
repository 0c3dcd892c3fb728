// Being there: a heartbeat for the own terminal, and who else is online. The demo's server asks the server API for both. [LIFE-2]

const HEARTBEAT_MS = 30_000
const LOOK_MS = 3_000

/**
 * Keeps a terminal's lease while it is connected, and looks after the peer.
 * A window of this browser whose stream has begun tells the others, so that they look at once.
 * `isConnected()` says whether there is anything to keep; `onPresence(presence)` gets `{ online }`.
 * @returns `said()`, to be called when the terminal's own stream has begun
 */
export function startPresence ({ call, peerId, isConnected, onPresence }) {
  const beat = () => {
    if (!isConnected()) return
    call('POST', '/v1/up/heartbeat', { state: document.hidden ? 'background' : 'foreground' }).catch(() => {}) // the next one tells
  }

  async function look () {
    if (document.hidden || !isConnected()) return
    const response = await fetch('/demo/presence')
    if (!response.ok) return
    const { items } = await response.json()
    const found = items.find(({ userId }) => userId === peerId)
    if (found) onPresence(found)
  }

  const glance = () => look().catch(() => {}) // the next one tells
  const windows = new window.BroadcastChannel('iris-presence')
  windows.onmessage = glance
  setInterval(beat, HEARTBEAT_MS)
  setInterval(glance, LOOK_MS)
  document.addEventListener('visibilitychange', beat)

  return {
    said () {
      windows.postMessage('live')
      glance()
    }
  }
}
