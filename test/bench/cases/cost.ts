// The cost table: what each operation costs by its size, in Redis commands, in time of scripts and in CPU. [COST-1]
import type { Bench } from '../bench.js'
import type { Iris } from '../iris.js'
import { digits, markdown } from '../report.js'
import { type Client, createClient } from './cost-client.js'
import { type Work, works } from './cost-works.js'

/** What is read before and after each request; what nothing costs is taken off. */
interface Stock { commands: number, scriptUs: number, redisUs: number, serverUs: number }

const zero: Stock = { commands: 0, scriptUs: 0, redisUs: 0, serverUs: 0 }
const names = Object.keys(zero) as (keyof Stock)[]

/** Commands that are not the gateway's, or only wrap others. */
const OWN = /^(evalsha|eval|script\||info|slowlog|config|ping|hello|client\||auth|select|command)/
/** Only scripts that run longer are looked at, us. */
const SLOW_US = 300

/** @returns the table as Markdown: medians, since the gateway's own clockwork runs meanwhile. */
export async function measureCost (bench: Bench): Promise<string> {
  await bench.durability('memory')
  await bench.redis.config('SET', 'slowlog-log-slower-than', String(SLOW_US))
  const iris = await bench.startIris()
  const client = createClient(iris)
  const idle = await median(bench, iris, { what: 'nothing', times: 40, run: async () => undefined })
  const rows: string[][] = []
  for (const make of works) {
    const work = await make(client)
    rows.push(await row(bench, iris, { work, idle }))
    await work.end?.()
  }
  await client.end()
  await iris.stop()
  return markdown(['operation', 'Redis commands', 'scripts us', 'longest script us', 'Redis CPU us', 'server CPU us'], rows)
}

async function row (bench: Bench, iris: Iris, { work, idle }: { work: Work, idle: Stock }): Promise<string[]> {
  await work.run(0, 'warm') // compiled, loaded, in the caches
  await bench.redis.slowlog('RESET')
  const { commands, scriptUs, redisUs, serverUs } = await median(bench, iris, work)
  const longest = await longestScript(bench)
  const cost = (value: number, idle: number) => digits(Math.max(0, value - idle))
  return [
    work.what, String(commands - idle.commands), digits(scriptUs), longest === 0 ? `< ${SLOW_US}` : digits(longest),
    cost(redisUs, idle.redisUs), cost(serverUs, idle.serverUs)
  ]
}

async function median (bench: Bench, iris: Iris, { times, run }: Work): Promise<Stock> {
  const samples: Stock[] = []
  for (let i = 1; i <= times; i++) {
    const before = await stock(bench, iris)
    await run(i, 'run')
    const after = await stock(bench, iris)
    samples.push(Object.fromEntries(names.map(name => [name, after[name] - before[name]])) as unknown as Stock)
  }
  const middle = (name: keyof Stock) => samples.map(sample => sample[name]).sort((a, b) => a - b)[samples.length >> 1] ?? 0
  return Object.fromEntries(names.map(name => [name, middle(name)])) as unknown as Stock
}

async function stock ({ redis, redisUs }: Bench, { server }: Iris): Promise<Stock> {
  const serverUs = await server.ask('cpu')
  const cpu = await redisUs()
  const stats = [...(await redis.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)]
  let [commands, scriptUs] = [0, 0]
  for (const [, name = '', calls, usec] of stats) {
    if (name === 'evalsha') scriptUs += Number(usec)
    if (!OWN.test(name)) commands += Number(calls)
  }
  return { commands, scriptUs, redisUs: cpu, serverUs }
}

async function longestScript ({ redis }: Bench): Promise<number> {
  const entries = await redis.slowlog('GET', -1) as [number, number, number, string[]][]
  return Math.max(0, ...entries.filter(([,,, [name]]) => name?.toLowerCase() === 'evalsha').map(([,, us]) => us))
}

export type { Client }
