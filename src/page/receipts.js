// How far the other side has read. It is told once, by stream: the windows of this browser remember it together.

/**
 * Opens the receipts of a conversation as `me` sees it. They count for one life of it, its `epoch`.
 * @returns `of(epoch)`, 0 when nothing is known, and `keep(epoch, seq)`
 */
export function openReceipts (me, conversationId) {
  const key = `iris:read:${me}:${conversationId}`
  function of (epoch) {
    const kept = JSON.parse(window.localStorage.getItem(key) ?? '{}')
    return kept.epoch === epoch ? kept.seq : 0
  }
  function keep (epoch, seq) {
    if (epoch !== '' && seq > of(epoch)) window.localStorage.setItem(key, JSON.stringify({ epoch, seq }))
  }
  return { of, keep }
}
