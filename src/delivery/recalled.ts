// What must not be printed any more although a copy of it may still be on its way through this process. [DOWN-2] [COMPLETE-4]

/** Longer than any copy lives here: a tail's, or a read that is under way. */
const KEEP_MS = 300_000

/**
 * Makes the memory of recalled things. A body that was read from Redis, or lies in a tail, before a REVOKE or a completion
 * was answered is printed after it: the printer asks here first. Without it, recalled text would be sent after the answer.
 */
export function createRecalled () {
  const tombstones = new Map<string, { body: string, since: number }>()
  const add = (key: string, body: string) => {
    const now = performance.now()
    tombstones.set(key, { body, since: now })
    for (const [old, { since }] of tombstones) {
      if (now - since < KEEP_MS) break
      tombstones.delete(old)
    }
  }
  return {
    /** Whether anything was recalled lately. */
    get isAny () { return tombstones.size > 0 },
    /** A message is revoked: its tombstone's JSON is what is true now. */
    message: (conversationId: string, seq: number, tombstone: string) => add(`${conversationId}:${seq}`, tombstone),
    /** @returns the tombstone of a message revoked lately. */
    tombstone: (conversationId: string, seq: number) => tombstones.get(`${conversationId}:${seq}`)?.body,
    /** A user's item left its box. */
    item: (userId: string, id: string) => add(`${userId} ${id}`, ''),
    /** @returns whether a user's item left its box lately. */
    isGone: (userId: string, id: string) => tombstones.has(`${userId} ${id}`)
  }
}

export type Recalled = ReturnType<typeof createRecalled>
