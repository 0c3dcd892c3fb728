// What the stream does not bring: the past, page by page, and the holes in the book.

const PAGE = 30
const HOLE_PAGE = 100
/** An answer may overtake the stream by this much; only then is a missing seq a hole. */
const GRACE_MS = 300

/**
 * Makes the fetcher of a book. `onLoaded()`: its present state was read.
 * @returns `load()` the newest page, `list(conversations)` what a list says of it, `older()` the page before, `repair()` soon, if a seq
 *   is still missing; `reset()`: what was fetched is void.
 */
export function createHistory ({ iris, book, peerId, onLoaded, changed }) {
  const history = { loaded: false, loading: false, load, list, older, repair, reset }
  let timer
  let isOpened = false

  async function page (query) {
    isOpened = true
    book.putPage(await iris.history(book.conversationId, { limit: PAGE, ...query }))
    changed()
  }

  /** Fails in silence: the next time that the terminal is live it is tried again. */
  async function load () {
    try {
      if (list(await iris.conversations())) await page({})
    } catch {
      return
    }
    history.loaded = true
    onLoaded()
    repair()
    changed()
  }

  /** @returns whether there is such a conversation. */
  function list ({ items }) {
    const found = items.find(({ conversationId }) => conversationId === book.conversationId)
    if (!found) return false
    book.heard(found.headSeq)
    book.read(iris.userId, found.readSeq)
    book.read(peerId, found.peerReadSeq ?? 0) // the tick of another browser [SEE-1]
    return true
  }

  /** What was opened the client fetches anew by itself; a conversation that began on this page was not. */
  function reset () {
    history.loaded = isOpened
  }

  async function older () {
    const [first] = book.list()
    if (!book.hasMore() || history.loading || !first) return
    history.loading = true
    changed()
    await page({ toSeq: first.seq - 1 }).catch(() => {})
    history.loading = false
    changed()
  }

  function repair () {
    clearTimeout(timer)
    if (book.hole()) timer = setTimeout(fill, GRACE_MS)
  }

  async function fill () {
    const hole = book.hole()
    if (!hole) return
    await page({ ...hole, direction: 'newer', limit: HOLE_PAGE }).catch(() => {})
    // Another hole, or the rest of a long one; the same one again would be the same answer.
    if (book.hole()?.fromSeq !== hole.fromSeq) repair()
  }

  return history
}
