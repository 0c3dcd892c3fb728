// Deadlines and pipelines: what one request was refused must not be what another is answered.
import t from 'tap'
import { withDeadline } from '../../src/store/deadline.js'
import { createTrust } from '../../src/store/redis/trust.js'
import { startRedis } from '../helper/redis.js'
import { until } from '../helper/user.js'

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
/** The client takes so many commands in more than the deadline below, on any machine. */
const MANY = 10_000

t.test('[DEADLINE-1] a deadline that passes within a pipeline refuses nothing of it: ' +
  'each answer stays the answer of its own question', async t => {
  const { redis } = await startRedis(t)
  await redis.mset('a', 'of a', 'b', 'of b')
  const trust = createTrust({ redis, begin: async () => undefined, beat: async () => false, onTrusted: () => undefined, log: quiet })
  t.teardown(trust.stop)
  await until(async () => trust.state().reason === undefined || undefined)
  for (const make of ['pipeline', 'multi'] as const) {
    const asked = trust.gated[make]()
    for (let i = 0; i < MANY; i++) asked.get('a')
    // a transaction that is refused has one error for all of it
    const ofAll = (error: unknown) => Array.from({ length: MANY }, () => [error])
    const replies = withDeadline(async () => await asked.exec().catch(ofAll), 2) as Promise<[Error | null, unknown][]>
    const [a, b] = await Promise.all([trust.gated.get('a'), trust.gated.get('b')])
    t.same([a, b], ['of a', 'of b'], make)
    const refused = (await replies).filter(([error]) => (error as { code?: string } | null)?.code === 'STORE_UNAVAILABLE')
    t.ok(refused.length === 0 || refused.length === MANY, `all or nothing: ${refused.length}`)
  }
  const late = trust.gated.pipeline().set('a', 'late').set('b', 'late')
  t.match(await withDeadline(async () => await late.exec(), -1), [[{ code: 'STORE_UNAVAILABLE' }], [{ code: 'STORE_UNAVAILABLE' }]])
  await t.rejects(withDeadline(async () => await trust.gated.multi().set('a', 'late').exec(), -1), { code: 'STORE_UNAVAILABLE' })
  t.equal(await trust.gated.get('a'), 'of a', 'nothing is asked behind the deadline')
})
