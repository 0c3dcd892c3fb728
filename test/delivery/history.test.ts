// Pages of history are arithmetic: walked in either direction they bring every visible message once.
import fc from 'fast-check'
import t from 'tap'
import { pageOf } from '../../src/stream/history.js'

const seq = fc.integer({ min: 1, max: 60 })
const view = fc.record({ minSeq: seq, headSeq: fc.integer({ min: 0, max: 60 }) })
const limit = fc.integer({ min: 1, max: 20 })

const span = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
const seqsOf = ({ firstSeq, count }: { firstSeq: number | null, count: number }) =>
  firstSeq === null ? [] : span(firstSeq, firstSeq + count - 1)

t.test('[GET-3] [GET-4] walked towards the newest, the pages are all visible messages, each once', async () => {
  fc.assert(fc.property(view, limit, (view, limit) => {
    const seen: number[] = []
    for (let from = view.minSeq; ;) {
      const page = pageOf(view, { newer: true, limit, from })
      seen.push(...seqsOf(page))
      if (!page.hasMore) break
      from = Number(page.lastSeq) + 1
    }
    return seen.join() === span(view.minSeq, view.headSeq).join()
  }), { numRuns: 500 })
})

t.test('[GET-3] [GET-4] walked towards the oldest, the same, each page rising', async () => {
  fc.assert(fc.property(view, limit, (view, limit) => {
    let seen: number[] = []
    for (let to = view.headSeq; ;) {
      const page = pageOf(view, { newer: false, limit, to })
      seen = [...seqsOf(page), ...seen]
      if (!page.hasMore) break
      to = Number(page.firstSeq) - 1
    }
    return seen.join() === span(view.minSeq, view.headSeq).join()
  }), { numRuns: 500 })
})

t.test('[GET-3] [GET-4] against a list of the visible messages: bounds, limit and what stands behind', async () => {
  const bound = fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: undefined })
  const near = fc.option(fc.integer({ min: 1, max: 70 }), { nil: undefined })
  fc.assert(fc.property(view, limit, fc.boolean(), fc.oneof(near, bound), fc.oneof(near, bound), (view, limit, newer, from, to) => {
    const visible = span(view.minSeq, view.headSeq).filter(seq => seq >= (from ?? 1) && seq <= (to ?? Infinity))
    const expected = newer ? visible.slice(0, limit) : visible.slice(-limit)
    const page = pageOf(view, { newer, limit, ...(from !== undefined && { from }), ...(to !== undefined && { to }) })
    return seqsOf(page).join() === expected.join() && page.hasMore === (expected.length < visible.length) &&
      page.firstSeq === (expected[0] ?? null) && page.lastSeq === (expected.at(-1) ?? null)
  }), { numRuns: 3000 })
})

t.test('[GET-3] below minSeq, above the head and in an empty conversation: an empty page, not an error', async t => {
  const empty = { count: 0, firstSeq: null, lastSeq: null, hasMore: false }
  for (const newer of [true, false]) {
    t.strictSame(pageOf({ minSeq: 5, headSeq: 9 }, { newer, limit: 10, to: 4 }), empty)
    t.strictSame(pageOf({ minSeq: 5, headSeq: 9 }, { newer, limit: 10, from: 10 }), empty)
    t.strictSame(pageOf({ minSeq: 1, headSeq: 0 }, { newer, limit: 10 }), empty)
  }
  t.strictSame(pageOf({ minSeq: 5, headSeq: 9 }, { newer: false, limit: 2 }), { count: 2, firstSeq: 8, lastSeq: 9, hasMore: true })
  t.strictSame(pageOf({ minSeq: 5, headSeq: 9 }, { newer: true, limit: 2 }), { count: 2, firstSeq: 5, lastSeq: 6, hasMore: true })
})
