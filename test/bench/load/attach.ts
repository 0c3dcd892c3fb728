// How readers attach, whatever their transport: so many at once, the next when one is live.

const AT_ONCE = 200

/** What all readers can do. */
export interface Readers {
  /** Opens a connection for each user. @returns how long it took, in seconds, until all were live. */
  attach (users: string[]): Promise<number>
  /** Cuts all connections. */
  detach (): Promise<void>
}

/** Opens one for each user. @param open resolves when the user is live. @returns how long it took, in seconds. */
export async function attachAll (users: string[], open: (userId: string) => Promise<unknown>, atOnce = AT_ONCE): Promise<number> {
  const began = performance.now()
  const waiting = users.values()
  const worker = async () => { for (const userId of waiting) await open(userId) }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return (performance.now() - began) / 1000
}
