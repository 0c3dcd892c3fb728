// What a window remembers over reloads: in sessionStorage, because two windows are two terminals.

export const storage = {
  /** For the client, which tells of what cannot be kept. */
  get: key => window.sessionStorage.getItem(key),
  set: (key, value) => window.sessionStorage.setItem(key, value),

  /** For the page, which goes on without. */
  read (key) {
    try {
      return storage.get(key)
    } catch {
      return null
    }
  },
  keep (key, value) {
    try {
      storage.set(key, value)
    } catch { /* the client has said so */ }
  }
}
