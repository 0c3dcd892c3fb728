// The tail of a user's stream in memory: arithmetic over hints that may be lost, doubled or late.
import fc from 'fast-check'
import t from 'tap'
import { Feed, hintedItem } from '../../src/stream/feed.js'

const item = (seq: number, epoch = '7') => hintedItem(`${epoch}-${seq}`, { kind: 'event', body: String(seq) }, String(seq))
const at = (seq: number, epoch = '7') => ({ epoch, seq })

t.test('[ATTACH-3] whatever hints come, since() is exact or says that Redis must be asked', async () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 200 }), fc.integer({ min: 0, max: 120 }), (hints, from) => {
    const feed = new Feed()
    feed.reached(at(0))
    for (const seq of hints) feed.hint(item(seq))
    const top = Math.max(0, ...hints)
    const items = feed.since(at(from))
    if (from >= top) return items?.length === 0
    return items === undefined || items.map(({ seq }) => seq).join() === Array.from({ length: top - from }, (_, i) => from + 1 + i).join()
  }))
})

t.test('[ATTACH-3] hints in order are served from memory, the last 64 of them', async t => {
  const feed = new Feed()
  t.ok(feed.reached(at(10)))
  t.notOk(feed.reached(at(10)), 'that was known')
  for (let seq = 11; seq <= 100; seq++) t.ok(feed.hint(item(seq)))
  t.same(feed.since(at(99))?.map(({ seq }) => seq), [100])
  t.equal(feed.since(at(36))?.length, 64)
  t.equal(feed.since(at(35)), undefined)
  t.equal(feed.hint(item(100)), false, 'a hint that comes twice')
  feed.forget()
  t.equal(feed.since(at(99)), undefined)
  t.same(feed.since(at(100)), [])
})

t.test('[ATTACH-1] another epoch is another stream', async t => {
  const feed = new Feed()
  feed.reached(at(5))
  feed.hint(item(1, '8'))
  t.equal(feed.since(at(5)), undefined)
  t.same(feed.since(at(0, '8'))?.map(({ id }) => id), ['8-1'])
})
