// What the stream does not bring: the past, page by page, and the holes. GET_READ_MSG with the answer inline.

const PAGE = 30
const HOLE_PAGE = 100
/** An answer may overtake the stream by this much; only then is a missing seq a hole. */
const GRACE_MS = 300

/**
 * Makes the fetcher of a book.
 * @returns `load()` the newest page, `older()` the page before, `repair()` soon, if a seq is still missing.
 */
export function createHistory ({ book, peerId, call, changed }) {
  const history = { loaded: false, loading: false, load, older, repair }
  let timer

  async function page (query) {
    const body = { conversationId: book.conversationId, deliver: 'inline', limit: PAGE, ...query }
    book.putPage(await call('POST', '/v1/up/cmd/get-read-msg', body))
    changed()
  }

  async function load () {
    const { items } = await call('GET', '/v1/conversations')
    const found = items.find(({ conversationId }) => conversationId === book.conversationId)
    if (found) {
      await page({})
      book.read(peerId, found.peerReadSeq) // the tick of another browser [SEE-1]
    }
    history.loaded = true
    repair()
    changed()
  }

  async function older () {
    const [first] = book.list()
    if (!book.hasMore || history.loading || !first) return
    history.loading = true
    changed()
    try {
      await page({ toSeq: first.seq - 1 })
    } finally {
      history.loading = false
      changed()
    }
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
