// npm run bench -- --profile: where the server's time goes while 1:1 messages run, by groups of functions.
import { writeFile } from 'node:fs/promises'
import type { Profiler } from 'node:inspector'
import type { Bench } from './bench.js'
import { named, type Plan, SOCKETS } from './plan.js'

const TOP = 25

/** Groups by function name where there is no file, and by file where there is; the first that fits wins. */
const natives: [RegExp, string][] = [
  [/^\(garbage collector\)$/, 'garbage collection'],
  [/^\(idle\)$/, 'idle'],
  [/^\(program\)$/, 'native code and system calls'],
  [/^(write|shutdown)/i, 'socket writes (node internals)']
]
const files: [RegExp, string | ((found: RegExpExecArray) => string)][] = [
  [/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/, ([, name]) => `npm ${name}`],
  [/build\/src\/([^/]+)\//, ([, floor]) => `iris ${floor}/`],
  [/^node:(net|internal\/stream_base_commons)/, 'socket writes (node internals)'],
  [/^node:(_http|internal\/http)/, 'node http'],
  [/^node:(internal\/)?streams?/, 'node streams'],
  [/^node:(internal\/)?(crypto|timers|async_hooks|process|buffer|event)/, ([, , name]) => `node ${name}`],
  [/^node:/, 'node, other'],
  [/^$/, 'native functions']
]

/**
 * Profiles the server by V8's sampling profiler (what `--cpu-prof` uses), started and stopped around the load.
 * @param file where to keep the raw .cpuprofile, if anywhere.
 */
export async function profileMessages (bench: Bench, plan: Plan, file: string | undefined): Promise<string> {
  const users = named('d', plan.users)
  const iris = await bench.startIris()
  await iris.attach(users)
  const load = (seconds: number) => iris.run({ kind: 'direct', users, fanOut: 1, sockets: SOCKETS, seconds })
  await load(plan.warmup)
  await iris.server.ask('startProfile')
  const sample = await load(plan.seconds * 3)
  const profile = await iris.server.ask('stopProfile')
  await iris.stop()
  if (file !== undefined) await writeFile(file, JSON.stringify(profile))
  const busy = `${Math.round(sample.perSec)} messages/s while profiled, ${Math.round(sample.serverUs)} us of server CPU each\n`
  return busy +
    [['group', groupOf], ['function', functionOf]].map(([head, of]) => listing(head as string, selfTimes(profile, of as Naming))).join('')
}

type Naming = (frame: Profiler.ProfileNode['callFrame']) => string

const functionOf: Naming = ({ functionName, url, lineNumber }) => {
  const place = url.replace(/^.*\/(node_modules|build)\//, '')
  return place === '' ? functionName : `${functionName || '(anonymous)'} ${place}:${lineNumber + 1}`
}

const groupOf: Naming = ({ functionName, url }) => {
  if (url === '') for (const [pattern, group] of natives) if (pattern.test(functionName)) return group
  for (const [pattern, group] of files) {
    const found = pattern.exec(url)
    if (found) return typeof group === 'string' ? group : group(found)
  }
  return 'other'
}

/** @returns self time by name, in parts of the busy time. */
function selfTimes ({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, nameOf: Naming): [string, number][] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  samples.forEach((id, i) => {
    const name = names.get(id) ?? ''
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0))
  })
  for (const name of ['idle', '(idle)']) times.delete(name)
  const busy = [...times.values()].reduce((sum, time) => sum + time, 0)
  return [...times].map(([name, time]): [string, number] => [name, time / busy]).sort(([, a], [, b]) => b - a)
}

function listing (head: string, times: [string, number][]): string {
  const rows = times.slice(0, TOP).map(([name, part]) => `| ${(part * 100).toFixed(1)} | ${name} |`)
  return `\n| % of busy time | ${head} |\n|---:|---|\n${rows.join('\n')}\n`
}
