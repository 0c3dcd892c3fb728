// How long a connection lives: the token's end, and rotation. docs/protocol.md section 4, "Goodbye".
import t from 'tap'
import { Lifetime, rotationTime } from '../../src/stream/lifetime.js'
import { startIris } from '../helper/iris.js'
import { dm } from '../helper/user.js'
import { brokenIds, seqsOf, upTo } from '../helper/sse.js'

t.test('a connection rotates after its time x (0.8..1), and not all at the same', async t => {
  const times = Array.from({ length: 500 }, () => rotationTime(1_000_000, 1_800) - 1_000_000)
  t.ok(Math.min(...times) >= 1_800_000 * 0.8)
  t.ok(Math.max(...times) <= 1_800_000)
  t.ok(Math.max(...times) - Math.min(...times) > 1_800_000 * 0.1, 'spread')
})

t.test('[SSE-1] the token\'s end comes before rotation, and each at its time', async t => {
  const at = (life: Lifetime, now: number, ticks = now) => life.due({ now, ticks, traceId: 't' }, () => true)
  const lifetime = new Lifetime({ issuedAt: 0, expiresAt: 200_000, rotateAt: 100_000 })
  t.equal(at(lifetime, 99_999), undefined)
  t.equal(at(lifetime, 100_000), 'ROTATE')
  t.equal(at(lifetime, 225_000), 'TOKEN_EXPIRED')
  t.equal(at(lifetime, 150_000, 99_999), undefined, 'a jump of the time makes nobody old')
  t.equal(at(new Lifetime({ issuedAt: 0, expiresAt: Infinity }), 1e15), undefined, 'without a time it never rotates')
})

t.test('[ATTACH-2] a steady stream ends with BYE 4201 and goes on at its cursor: nothing is lost, nothing twice', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_ROTATE_SEC: '1' } })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const first = await bob.listen()
  const { id: began = '' } = await first.next('IRIS.READY')
  let sent = 0
  const sending = (async () => { while (!first.isOver) await alice.send(bob, `${++sent}`) })()
  t.match((await first.next('IRIS.BYE')).data.data, { code: 4201, reconnect: 'now', retryAfterMs: undefined })
  await first.ended
  await sending
  const second = await bob.listen({ cursor: first.cursor })
  await second.next('IRIS.READY')
  const events = [...first.events, ...second.events].filter(({ data }) => data.name !== 'IRIS.READY')
  t.same(seqsOf(events, dm(alice, bob)), upTo(sent))
  t.equal(brokenIds(events, began), undefined)
})
