// What one call of a script asks of Redis, command by command: a count, where a time would be the machine's. [COST-1]
import type { Test } from 'tap'
import type { Redis } from '../../src/store/redis/redis.js'
import { until } from './user.js'

/** @returns `during(work)`: how many commands each call of a script ran meanwhile, in order. */
export async function watchScripts (t: Pick<Test, 'teardown'>, redis: Redis) {
  const monitor = await redis.monitor()
  t.teardown(() => { monitor.disconnect() })
  let calls: number[] = []
  const seen = new Set<string>()
  monitor.on('monitor', (_time: string, [name = '', first = '']: string[], source: string) => {
    if (source === 'lua') calls.push((calls.pop() ?? 0) + 1)
    else if (/^eval(sha)?$/i.test(name)) calls.push(0)
    else if (/^ping$/i.test(name)) seen.add(first)
  })
  let rounds = 0

  async function seenAll (): Promise<void> {
    const mark = `round-${rounds++}`
    await redis.ping(mark)
    await until(async () => seen.has(mark) || undefined)
  }

  return {
    async during (work: () => Promise<unknown>): Promise<number[]> {
      await seenAll()
      calls = []
      await work()
      await seenAll()
      return calls
    }
  }
}
