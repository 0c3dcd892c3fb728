// The pump by itself: a printer whose socket the test fills and drains, and a clock that the test moves.
import t from 'tap'
import { notedOf } from '../../src/hub/standings.js'
import { Connection } from '../../src/stream/connection.js'
import { Prints } from '../../src/stream/prints.js'
import { Feed, hintedItem } from '../../src/stream/feed.js'
import type { Opening } from '../../src/stream/opening.js'
import { createRecalled } from '../../src/stream/recalled.js'
import { createRenderer } from '../../src/stream/render.js'
import type { Item } from '../../src/store/user/entry.js'
import { sseComment, sseText } from '../../src/transports/frames.js'

const [KIB, EPOCH] = [1024, '7']

const bodyOf = (seq: number, size: number) => JSON.stringify({ conversationId: 'dm.a.b', seq, content: { text: 'x'.repeat(size) } })
const item = (seq: number, size = 10): Item =>
  hintedItem(`${EPOCH}-${seq}`, { kind: 'msg', conversationId: 'dm.a.b', seq }, bodyOf(seq, size))

/** A connection at position 0 of a stream of `stored` entries, with everything that the test may move. */
function setUp (
  stored: Item[], { expiresAt = Infinity, read = async (after: number) => stored.filter(({ seq }) => seq > after).slice(0, 100) } = {}
) {
  const world = {
    now: 1_000_000,
    printed: [] as string[],
    backlog: 0,
    isBlocked: false,
    ended: undefined as string | undefined,
    closed: 0,
    reads: 0,
    retries: 0
  }
  const recalled = createRecalled()
  const feed = new Feed()
  const opening: Opening = {
    userId: 'b',
    terminalId: 't',
    platform: 'web',
    issuedAt: 0,
    expiresAt,
    traceId: 'trace',
    printer: {
      format: sseText,
      comment: sseComment,
      write (text) {
        world.printed.push(text)
        if (world.isBlocked) world.backlog += Buffer.byteLength(text)
      },
      backlog: () => world.backlog,
      end (text) { world.ended = text }
    }
  }
  const connection = new Connection(opening, feed, {
    prints: new Prints(Date.now),
    mailbox: { async read (_user, after) { world.reads++; return await read(after.seq) } },
    renderer: createRenderer({ recalled, now: () => world.now, onUnreadable: () => undefined, onSeen: () => undefined }),
    now: () => world.now,
    isProven: () => true,
    proven: async () => true,
    ticks: () => world.now,
    stuckMs: 15_000,
    onClosed () { world.closed++ },
    retries: { later () { world.retries++ } },
    log: { warn () {} }
  })
  const top = stored.at(-1)?.seq ?? 0
  feed.reached({ epoch: EPOCH, seq: top })
  const begin = (target = top, { fresh = false, more = false } = {}) => connection.begin({
    position: { epoch: EPOCH, seq: 0 },
    target,
    jobs: [],
    more,
    greeting: [{ event: 'CMD_DOWN', data: '{"name":"IRIS.HELLO"}' }],
    fresh
  })
  const ids = () => [...world.printed.join('').matchAll(/^id: 7-(\d+)$/gm)].map(found => Number(found[1]))
  return { world, recalled, feed, connection, begin, ids }
}

/** Lets every promise that is under way come to rest. */
const settled = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

t.test('[SLOW-1] at most 256 KiB wait in a connection; it goes on from its cursor when the socket drains', async t => {
  const stored = Array.from({ length: 300 }, (_, i) => item(i + 1, 10 * KIB))
  const { world, connection, begin, ids } = setUp(stored)
  world.isBlocked = true
  begin()
  let worst = 0
  while (connection.position.seq < 300) {
    await settled()
    worst = Math.max(worst, world.backlog)
    world.backlog = 0
    connection.wake()
  }
  await settled()
  t.ok(worst >= 256 * KIB && worst < 256 * KIB + 48 * KIB, `${worst} bytes waited`)
  t.same(ids(), [...Array.from({ length: 300 }, (_, i) => i + 1), 300], 'every entry once, READY last')
})

t.test('[SLOW-1] live frames are not queued behind a full socket, and nothing of them is lost', async t => {
  const stored: Item[] = []
  const { world, feed, connection, begin, ids } = setUp(stored)
  begin()
  await settled()
  world.isBlocked = true
  world.backlog = 300 * KIB
  const before = world.printed.length
  for (let seq = 1; seq <= 200; seq++) {
    stored.push(item(seq))
    feed.hint(item(seq))
    connection.wake()
  }
  await settled()
  t.equal(world.printed.length, before)
  world.backlog = 0
  world.isBlocked = false
  connection.wake()
  await settled()
  t.same(ids().slice(1), Array.from({ length: 200 }, (_, i) => i + 1))
  t.ok(world.reads > 0, 'the tail holds less than that: Redis is the buffer')
})

t.test('[SLOW-1] a reader whose socket is full needs no bodies in memory; one that only lags does', async t => {
  const { world, feed, connection, begin } = setUp([])
  feed.hint(item(1))
  t.ok(connection.needsTail, 'while it attaches')
  begin()
  await settled()
  world.backlog = 300 * KIB
  feed.hint(item(2))
  connection.wake()
  t.notOk(connection.needsTail, 'full')
  world.backlog = 0
  t.ok(connection.needsTail, 'drained, not yet woken')
  connection.wake()
  await settled()
  t.notOk(connection.needsTail, 'has printed everything')
})

t.test('[SLOW-1] stuck for 15 s: BYE 4203, and the client may come back at once', async t => {
  const { world, connection, begin } = setUp([item(1)])
  begin()
  await settled()
  world.backlog = 256 * KIB
  connection.wake()
  world.now += 14_999
  connection.tick()
  t.equal(world.ended, undefined)
  world.now += 1
  connection.tick()
  t.match(world.ended, /"code":4203.*"reconnect":"now"/)
  t.equal(world.closed, 1)
})

t.test('[SLOW-1] a reader that takes something within 15 s is not stuck', async t => {
  const { world, connection, begin } = setUp([item(1)])
  begin()
  await settled()
  for (let i = 0; i < 5; i++) {
    world.backlog = 300 * KIB
    connection.wake()
    world.now += 10_000
    world.backlog = 0
    connection.wake()
    connection.tick()
  }
  t.equal(world.ended, undefined)
})

t.test('[ATTACH-1] an entry that was trimmed under a lagging reader ends the stream: never a silent gap', async t => {
  const { world, begin, ids } = setUp([item(1), item(2), item(9)])
  begin()
  await settled()
  t.same(ids(), [1, 2])
  t.match(world.ended, /"code":4203/)
})

t.test('[DOWN-2] a body that was read before the REVOKE\'s answer is not printed after it', async t => {
  let release: () => void = () => undefined
  const gate = new Promise<void>(resolve => { release = resolve })
  const { world, recalled, begin } = setUp([item(1)], { read: async () => { await gate; return [item(1)] } })
  begin()
  await settled()
  recalled.message('dm.a.b', 1, { tombstone: '{"conversationId":"dm.a.b","seq":1,"type":"revoked"}' })
  release()
  await settled()
  t.match(world.printed.join(''), /"type":"revoked","source":"replay"/)
  t.notMatch(world.printed.join(''), /xxx/)
})

t.test('[DOWN-2] a body that waits in the tail is not printed after the REVOKE\'s answer', async t => {
  const { world, recalled, feed, connection, begin } = setUp([])
  begin()
  await settled()
  feed.hint(item(1))
  recalled.message('dm.a.b', 1, { tombstone: '{"conversationId":"dm.a.b","seq":1,"type":"revoked"}' })
  connection.wake()
  t.match(world.printed.join(''), /"type":"revoked","source":"live"/)
  t.notMatch(world.printed.join(''), /xxx/)
})

t.test('[SSE-1] after 15 s of silence a comment and the cursor', async t => {
  const { world, connection, begin } = setUp([item(1)])
  begin()
  await settled()
  const before = world.printed.length
  world.now += 14_999
  connection.tick()
  t.equal(world.printed.length, before)
  world.now += 1
  connection.tick()
  t.equal(world.printed.at(-1), ':\n\nid: 7-1\n\n')
})

t.test('[SSE-1] the end of the token closes with BYE 4101, after 25 s of grace', async t => {
  const { world, connection, begin } = setUp([], { expiresAt: 1_000_500 })
  begin()
  await settled()
  connection.tick()
  t.equal(world.ended, undefined)
  world.now = 1_025_499
  connection.tick()
  t.equal(world.ended, undefined)
  world.now = 1_025_500
  connection.tick()
  t.match(world.ended, /"code":4101,"reason":"token expired","reconnect":"login"/)
})

t.test('[ATTACH-3] a store that lost what was read closes with BYE 4202', async t => {
  const { world, feed, connection, begin } = setUp([item(1)])
  begin()
  await settled()
  feed.reached({ epoch: '8', seq: 0 })
  connection.wake()
  await settled()
  t.match(world.ended, /"code":4202/)
})

t.test('[CMD-1] a frame that is stored nowhere is dropped when there is no room, and before HELLO', async t => {
  const { world, connection, begin } = setUp([])
  t.equal(connection.volatile({ event: 'CMD_DOWN', data: '{}' }), false)
  begin()
  await settled()
  t.equal(connection.volatile({ event: 'CMD_DOWN', data: '{}' }), true)
  world.backlog = 256 * KIB
  t.equal(connection.volatile({ event: 'CMD_DOWN', data: '{}' }), false)
})

t.test('[DELIVERY-2] [DELIVERY-3] what was printed is what was written: of what waited when its client went nothing is noted', async t => {
  const fresh = async (more = false) => {
    const { world, connection, begin } = setUp([])
    t.same(notedOf(connection), { printed: '', brought: '' })
    begin(0, { fresh: true, more })
    t.ok(connection.isLive)
    return { world, connection }
  }
  const waiting = await fresh()
  waiting.connection.gone()
  t.same(waiting.world.printed, [], 'READY was not written')
  t.same(notedOf(waiting.connection), { printed: '', brought: '' })
  const written = await fresh()
  await settled()
  written.connection.gone()
  t.match(written.world.printed.join(''), 'IRIS.READY')
  t.same(notedOf(written.connection), { printed: '7-0', brought: '7-0' })
  const partial = await fresh(true)
  partial.connection.close('DRAIN')
  t.same(notedOf(partial.connection), { printed: '7-0', brought: '' }, 'its READY said that there is more')

  const { connection, begin } = setUp([item(1)])
  begin()
  connection.gone()
  t.same(notedOf(connection), { printed: '', brought: '' }, 'resumed, it was printed no further than it was')
})
