// npm run bench: measures Iris on this machine, by ratios within one run. `--quick` is a smoke run, `--profile` says where the time goes.
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { startBench } from './bench.js'
import { measureGroup } from './cases/group.js'
import { measureIdle } from './cases/idle.js'
import { measureMessages } from './cases/messages.js'
import { full, quick } from './plan.js'
import { profileMessages } from './profile.js'
import { table } from './report.js'

/** Descriptors that a process needs beside its streams. */
const SPARE_FILES = 500

const began = performance.now()
const args = process.argv.slice(2)
const wanted = args.find(arg => arg.startsWith('--profile'))
const plan = fit(args.includes('--quick') ? quick : full)
const bench = await startBench()
try {
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, node ${process.versions.node}, redis ${await bench.version()}`
  if (wanted === undefined) await measure()
  else process.stdout.write(await profileMessages(bench, plan, wanted.split('=')[1]))
  process.stdout.write(`\n${machine}; ${new Date().toISOString()}; ${Math.round((performance.now() - began) / 1000)} s. All on one machine: server, Redis and load share its cores, so only ratios travel.\n`)
} finally {
  await bench.stop()
}

async function measure (): Promise<void> {
  const iris = await bench.startIris()
  const { rows, base } = await measureMessages(bench, iris, plan)
  rows.push(...await measureGroup(bench, iris, plan, base))
  await iris.stop()
  rows.push(...await measureIdle(bench, plan, base))
  process.stdout.write(table(rows) + '\n')
}

/** Measures fewer idle streams where the process may not open so many. */
function fit (plan: typeof full): typeof full {
  const limit = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim()
  const most = limit === 'unlimited' ? Infinity : Number(limit) - SPARE_FILES
  if (plan.idle <= most) return plan
  process.stderr.write(`ulimit -n is ${limit}: ${most} idle streams instead of ${plan.idle}; raise it with \`ulimit -n ${plan.idle + SPARE_FILES}\`\n`)
  return { ...plan, idle: most }
}
