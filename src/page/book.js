// The book of one conversation: each message once, by its seq, whoever brings it first.

/** The id of the conversation of two users: sorted by code unit. */
export const directId = (a, b) => `dm.${[a, b].sort().join('.')}`

/**
 * Makes the book of a conversation as `me` sees it.
 * `head` is the highest seq heard of, `readSeq` mine and `peerReadSeq` the other side's, `minSeq` the lowest that can be fetched.
 */
export function createBook (conversationId, me) {
  const messages = new Map()
  const recalled = new Map()
  const book = { conversationId, clear, put, putPage, recall, list, hole, unread, heard, read, hasMore }
  clear()

  function clear () {
    messages.clear()
    recalled.clear()
    Object.assign(book, { epoch: '', head: 0, readSeq: 0, peerReadSeq: 0, minSeq: 1 })
  }

  function put (message) {
    const { seq } = message
    const before = messages.get(seq)
    heard(seq)
    if (before?.type === 'revoked') return // what was taken back never comes back, however late a page is
    messages.set(seq, { ...before, ...message, ...(recalled.has(seq) && tombstone(recalled.get(seq))) })
  }

  function putPage (page) {
    if (book.epoch && page.epoch !== book.epoch) clear()
    Object.assign(book, { epoch: page.epoch, minSeq: page.minSeq })
    for (const message of page.messages) put(message)
    heard(page.headSeq)
    read(me, page.readSeq)
  }

  function recall ({ seq, by, revokedAt }) {
    recalled.set(seq, { by, at: revokedAt })
    if (messages.has(seq)) messages.set(seq, { ...messages.get(seq), ...tombstone(recalled.get(seq)) })
  }

  function heard (seq) {
    book.head = Math.max(book.head, seq)
  }

  function read (userId, seq) {
    const mark = userId === me ? 'readSeq' : 'peerReadSeq'
    book[mark] = Math.max(book[mark], seq)
  }

  const lowest = () => Math.min(...messages.keys())

  /** @returns whether there are earlier ones. */
  function hasMore () {
    return messages.size > 0 && lowest() > book.minSeq
  }

  function list () {
    return [...messages.values()].sort((a, b) => a.seq - b.seq)
  }

  /** @returns the first range of seqs that is missing between what is held and the head. */
  function hole () {
    const from = Math.max(book.minSeq, messages.size ? lowest() : book.head)
    for (let seq = from; seq <= book.head && seq > 0; seq++) {
      if (messages.has(seq)) continue
      let toSeq = seq
      while (toSeq < book.head && !messages.has(toSeq + 1)) toSeq++
      return { fromSeq: seq, toSeq }
    }
  }

  /** @returns how many messages wait to be read; `more` when there are others that are not loaded. */
  function unread () {
    const waiting = list().filter(({ seq, from, type }) => seq > book.readSeq && from !== me && type !== 'revoked')
    return { count: waiting.length, more: hasMore() && lowest() > book.readSeq + 1 }
  }

  return book
}

const tombstone = revoked => ({ type: 'revoked', revoked, content: undefined })
