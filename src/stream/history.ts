// Which messages a page of history holds: arithmetic, since seqs are contiguous. [GET-3] [GET-4]

/** The bounds that were asked for, both inclusive. */
export interface Range { newer: boolean, limit: number, from?: number, to?: number }

/** One answer brings no more bytes of messages, unless the first alone has more. [SLOW-2] */
export const PAGE_BYTES = 1_048_576

interface Page { count: number, firstSeq: number | null, lastSeq: number | null, hasMore: boolean }

/**
 * @param view what the caller may see: from `minSeq` to `headSeq`.
 * @returns the page: `count` messages from `firstSeq` to `lastSeq` (null when it is empty); `hasMore` in the direction, within the bounds.
 */
export function pageOf (
  { minSeq, headSeq }: { minSeq: number, headSeq: number }, { newer, limit, from = minSeq, to = headSeq }: Range
): Page {
  const low = Math.max(from, minSeq)
  const high = Math.min(to, headSeq)
  if (low > high) return { count: 0, firstSeq: null, lastSeq: null, hasMore: false }
  const firstSeq = newer ? low : Math.max(low, high - limit + 1)
  const lastSeq = newer ? Math.min(high, low + limit - 1) : high
  return { count: lastSeq - firstSeq + 1, firstSeq, lastSeq, hasMore: newer ? lastSeq < high : firstSeq > low }
}

/**
 * Cuts a page to what one answer may hold: the messages that stand nearest to where it was asked from stay.
 * @param bodies the messages of the page as JSON, rising.
 */
export function cutPage<B extends string | null> (page: Page, bodies: B[], { newer }: Pick<Range, 'newer'>): { page: Page, bodies: B[] } {
  let bytes = 0
  const kept = (newer ? bodies : bodies.toReversed()).findIndex((body, i) => (bytes += Buffer.byteLength(body ?? '')) > PAGE_BYTES && i > 0)
  if (kept < 0) return { page, bodies }
  const firstSeq = newer ? Number(page.firstSeq) : Number(page.lastSeq) - kept + 1
  return {
    page: { count: kept, firstSeq, lastSeq: firstSeq + kept - 1, hasMore: true },
    bodies: newer ? bodies.slice(0, kept) : bodies.slice(-kept)
  }
}
