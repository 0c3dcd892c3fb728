// What a window remembers of a user across reloads: its terminal id, its cursor, what it has not sent yet.

const fresh = () => ({
  terminalId: `web-${crypto.randomUUID().slice(0, 8)}`,
  cursor: '',
  transport: 'sse',
  heads: {},
  outbox: [],
  commands: [],
  notices: []
})

/**
 * Opens the memory of a user in this window. sessionStorage, because two windows are two terminals.
 * @returns the remembered values, `save()`, to be called after a change, and `keepPending(state)`: what waits to be completed
 *   belongs to the cursor, as everything that it stands for.
 */
export function openMemory (userId) {
  const key = `iris:${userId}`
  const kept = JSON.parse(window.sessionStorage.getItem(key) ?? '{}')
  const memory = { ...fresh(), ...kept }
  Object.defineProperty(memory, 'save', { value: () => window.sessionStorage.setItem(key, JSON.stringify(memory)) })
  Object.defineProperty(memory, 'keepPending', {
    value: ({ commands, notices }) => Object.assign(memory, { commands: [...commands], notices: [...notices] })
  })
  memory.save()
  return memory
}
