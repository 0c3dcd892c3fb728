// npm run bench: measures Iris on this machine, by ratios within one run.
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { startBench } from './bench.js'
import { measureCost } from './cases/cost.js'
import { measureEvents } from './cases/events.js'
import { measureGroup } from './cases/group.js'
import { measureIdle } from './cases/idle.js'
import { measureMemory } from './cases/memory.js'
import { measureBase, measureMessages } from './cases/messages.js'
import { measureOverload } from './cases/overload.js'
import { measurePeers, peerMeasures } from './cases/peers.js'
import { measureSlow } from './cases/slow.js'
import { measureStorm } from './cases/storm.js'
import { measureTails } from './cases/tails.js'
import { measureTransports } from './cases/transports.js'
import { full, quick } from './plan.js'
import { profileMessages } from './profile.js'
import { table } from './report.js'

/** What is measured beside the messages, by its name for `--only`. */
const cases = {
  group: measureGroup,
  transports: measureTransports,
  idle: measureIdle,
  storm: measureStorm,
  slow: measureSlow,
  overload: measureOverload,
  memory: measureMemory,
  tails: measureTails,
  events: measureEvents
}

/** Descriptors that a process needs beside its streams. */
const SPARE_FILES = 500

const usage = `npm run bench [-- options]
  --quick            a smoke run: does it work?
  --only=storm,idle  these cases and no others; there are messages, ${Object.keys(cases).join(', ')}, cost
  --peers            beside nchan and Socket.IO on the same work; --only names some of ${peerMeasures.join(', ')}
  --profile[=file]   where the time of a message goes; the profile itself into a file
`

const began = performance.now()
const args = process.argv.slice(2)
if (args.some(arg => !/^--(?:quick|peers|profile(?:=.+)?|only=.+)$/.test(arg))) {
  process.stdout.write(usage)
  process.exit(args.includes('--help') ? 0 : 1)
}
const wanted = args.find(arg => arg.startsWith('--profile'))
const plan = fit(args.includes('--quick') ? quick : full)
const bench = await startBench()
try {
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, node ${process.versions.node}, redis ${await bench.version()}`
  if (args.includes('--peers')) process.stdout.write(await measurePeers(bench, plan, chosen(peerMeasures)))
  else if (wanted === undefined) await measure()
  else process.stdout.write(await profileMessages(bench, plan, wanted.split('=')[1]))
  process.stdout.write(`\n${machine}; ${new Date().toISOString()}; ${Math.round((performance.now() - began) / 1000)} s. ` +
    'All on one machine: server, Redis and load share its cores, so only ratios travel.\n')
} finally {
  await bench.stop()
}

/** @returns what `--only` names, undefined without it; throws when it names what is not there. */
function chosen (names: string[]): string[] | undefined {
  const only = args.find(arg => arg.startsWith('--only='))?.slice('--only='.length).split(',')
  const unknown = only?.find(name => !names.includes(name))
  if (unknown !== undefined) throw new Error(`--only: there is no ${unknown}; there are ${names.join(', ')}`)
  return only
}

async function measure (): Promise<void> {
  const all = ['messages', ...Object.keys(cases), 'cost']
  const only = chosen(all) ?? all
  if (only.some(name => name !== 'cost')) await measureSpeed(only)
  if (only.includes('cost')) process.stdout.write(await measureCost(bench) + '\n')
}

async function measureSpeed (only: string[]): Promise<void> {
  const { rows, base } = only.includes('messages') ? await measureMessages(bench, plan) : { rows: [], base: await measureBase(bench, plan) }
  for (const [name, measureCase] of Object.entries(cases)) if (only.includes(name)) rows.push(...await measureCase({ bench, plan, base }))
  process.stdout.write(table(rows) + '\n')
}

/** Measures fewer streams where the process may not open so many. */
function fit (plan: typeof full): typeof full {
  const limit = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim()
  const most = limit === 'unlimited' ? Infinity : Number(limit) - SPARE_FILES
  const streams = Math.max(plan.idle, plan.storm.streams, plan.peers.idle)
  if (streams <= most) return plan
  process.stderr.write(`ulimit -n is ${limit}: ${most} streams instead of ${streams}; ` +
    `raise it with \`ulimit -n ${streams + SPARE_FILES}\`\n`)
  return {
    ...plan,
    idle: Math.min(plan.idle, most),
    storm: { ...plan.storm, streams: Math.min(plan.storm.streams, most) },
    peers: { ...plan.peers, idle: Math.min(plan.peers.idle, most) }
  }
}
