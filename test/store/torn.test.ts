// A loss of power that cuts through a transaction: its half is in no state that Redis reads afterwards, however often it is started. [STORE-1]
import { readdir, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connectTo, directoryOf, embed } from '../helper/embedded.js'

/** Opens what lies in a data directory, does something with it, and ends in order. */
async function visit <T> (t: Test, dataDir: string, work: (redis: Awaited<ReturnType<typeof connectTo>>) => Promise<T>): Promise<T> {
  const embedded = await embed(t, { dataDir, durability: 'disk' })
  const redis = await connectTo(t, embedded)
  const result = await work(redis)
  redis.disconnect()
  await embedded.stop()
  return result
}

const END = '*1\r\n$4\r\nEXEC\r\n'.length

for (const [where, lost] of [['between two commands', END], ['within a command', END + 5]] as const) {
  t.test(`[STORE-1] a transaction that is cut through ${where}`, async t => {
    const dataDir = await directoryOf(t)
    await visit(t, dataDir, async redis => {
      await redis.set('before', '1')
      await redis.eval("redis.call('SET', 'half', '1') redis.call('SET', 'other', '1')", 0)
    })
    const folder = join(dataDir, 'redis/appendonlydir')
    const name = (await readdir(folder)).find(name => name.endsWith('.incr.aof')) as string
    const { length } = await readFile(join(folder, name))
    await truncate(join(folder, name), length - lost)
    for (const round of [1, 2, 3]) {
      const found = await visit(t, dataDir, async redis => {
        await redis.set(`after-${round}`, '1')
        await redis.eval("redis.call('SET', 'both', '1') redis.call('SET', 'all', '1')", 0)
        return (await redis.keys('*')).sort()
      })
      t.same(found, ['before', 'both', 'all', 'after-1', 'after-2', 'after-3'].slice(0, 3 + round).sort(), `start ${round}`)
    }
  })
}
