// Which messages a page of history holds: arithmetic, since seqs are contiguous. [GET-3] [GET-4]

/** The bounds that were asked for, both inclusive. */
export interface Range { newer: boolean, limit: number, from?: number, to?: number }

/**
 * @param view what the caller may see: from `minSeq` to `headSeq`.
 * @returns the page: `count` messages from `firstSeq` to `lastSeq` (null when it is empty); `hasMore` in the direction, within the bounds.
 */
export function pageOf ({ minSeq, headSeq }: { minSeq: number, headSeq: number }, { newer, limit, from = minSeq, to = headSeq }: Range) {
  const low = Math.max(from, minSeq)
  const high = Math.min(to, headSeq)
  if (low > high) return { count: 0, firstSeq: null, lastSeq: null, hasMore: false }
  const firstSeq = newer ? low : Math.max(low, high - limit + 1)
  const lastSeq = newer ? Math.min(high, low + limit - 1) : high
  return { count: lastSeq - firstSeq + 1, firstSeq, lastSeq, hasMore: newer ? lastSeq < high : firstSeq > low }
}
