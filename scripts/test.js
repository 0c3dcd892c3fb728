// npm test [-- tap arguments]: installs and builds what is missing, runs the tests, and ends with `N passed, N failed`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ensureBuild, ensureChromium, ensureModules, ensureNode, ensureRedisServer, root } from './bootstrap.js'

/**
 * Runs the tests, and prints a line for each file and everything about each failure (or what a `--reporter` of yours prints).
 * @returns how many tests passed, failed and were skipped, counted from tap's own output: the tests of every file (not
 *   their assertions), and each file that ended badly without one of its tests having failed: a crash, a timeout.
 */
export async function runTests (args = []) {
  ensureNode()
  ensureModules()
  ensureRedisServer()
  ensureChromium()
  ensureBuild()
  const { Parser } = await import('tap-parser')
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const isOwnReporter = args.some(arg => /^(-R|--reporter)/.test(arg))
  const parser = follow(new Parser(), counts, isOwnReporter ? () => undefined : line => process.stdout.write(line + '\n'))
  const code = await (isOwnReporter ? runReported : runParsed)(args, parser)
  // a run that ends badly without a failed test (nothing to run, a crash of tap itself) has failed all the same
  if (code !== 0 && counts.failed === 0) counts.failed++
  return counts
}

function spawnTap (args, stdout) {
  const options = { cwd: root, stdio: ['ignore', stdout, 'inherit'] }
  return spawn(process.execPath, [join(root, 'node_modules/tap/dist/esm/run.mjs'), '--disable-coverage', ...args], options)
}

async function runParsed (args, parser) {
  const tap = spawnTap(['--reporter=tap', ...args], 'pipe')
  const closed = once(tap, 'close')
  await pipeline(tap.stdout, parser)
  return (await closed)[0]
}

async function runReported (args, parser) {
  const directory = mkdtempSync(join(tmpdir(), 'iris-tap-'))
  try {
    const file = join(directory, 'output.tap')
    const [code] = await once(spawnTap([...args, `--output-file=${file}`], 'inherit'), 'close')
    await pipeline(createReadStream(file), parser)
    return code
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Counts while a run is parsed: its children are files, their children are tests. */
function follow (parser, counts, print) {
  const failures = new Map()
  parser.on('child', file => {
    failures.set(file.name, 0)
    file.on('assert', test => {
      if (test.skip || test.todo) counts.skipped++
      else if (test.ok) counts.passed++
      else counts.failed++
      if (isFailure(test)) failures.set(file.name, failures.get(file.name) + 1)
      if (test.skip) print(`skipped: ${test.name} (${test.skip})`)
    })
    printFailures(file, print, [])
  })
  parser.on('assert', file => {
    print(`${isFailure(file) ? 'FAILED' : 'ok'} ${file.name.replace('build/test/', '')} ${Math.round(file.time ?? 0)} ms${file.skip ? ` skipped (${file.skip})` : ''}`)
    if (file.skip) counts.skipped++
    if (!isFailure(file) || failures.get(file.name) > 0) return
    counts.failed++
    print(describe(file.diag))
  })
  parser.on('bailout', reason => print(`FAILED bail out: ${reason}`))
  return parser
}

const isFailure = result => !result.ok && !result.skip && !result.todo

/** Prints failed assertions where they stand; a test that failed by one of them only repeats it. */
function printFailures (parser, print, above) {
  let failedBelow = false
  parser.on('child', child => {
    printFailures(child, print, [...above, child.name])
    child.on('assert', result => { failedBelow ||= isFailure(result) })
  })
  parser.on('assert', result => {
    if (isFailure(result) && !failedBelow) print(`FAILED ${[...above, result.name].join(' > ')}\n${describe(result.diag)}`)
    failedBelow = false
  })
}

function describe (diag = {}) {
  return Object.entries(diag)
    .filter(([name]) => !['tapCaught', 'source', 'stdio', 'externalID', 'args', 'jobId', 'command', 'cwd', 'handles'].includes(name))
    .map(([name, value]) => `    ${name}: ${typeof value === 'string' ? value.trimEnd().replaceAll('\n', '\n      ') : JSON.stringify(value)}`)
    .join('\n')
}

if (process.argv[1] === join(root, 'scripts/test.js')) {
  const { passed, failed, skipped } = await runTests(process.argv.slice(2))
  if (skipped > 0) process.stdout.write(`${skipped} skipped\n`)
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed > 0 ? 1 : 0
}
