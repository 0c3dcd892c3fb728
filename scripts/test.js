// npm test [-- tap arguments]: installs and builds what is missing, runs all tests, and ends with `N passed, N failed`.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { ensureBuild, ensureChromium, ensureModules, ensureNode, ensureRedisServer, root } from './bootstrap.js'

/**
 * Runs the tests.
 * @returns what was counted from tap's own output: leaf assertions of every file, and each file that failed otherwise.
 */
export async function runTests (args = []) {
  ensureNode()
  ensureModules()
  ensureRedisServer()
  ensureChromium()
  ensureBuild()
  const tap = spawn(process.execPath, [join(root, 'node_modules/tap/dist/esm/run.mjs'), '--reporter=tap', '--disable-coverage', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for await (const line of createInterface({ input: tap.stdout })) count(line, counts)
  const code = tap.exitCode ?? await new Promise(resolve => tap.on('close', resolve))
  // a run that ends badly without a failed test (a crash, a timeout of tap itself) has failed all the same
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

/** Counts the tests with a name: the second level of tap's output, one below the files. Failures are printed whole. */
function count (line, counts) {
  const [, indent, not, name = ''] = /^( *)(not )?ok \d+ - (.*)$/.exec(line) ?? []
  if (indent === undefined) {
    if (!/^ *(#|1\.\.|\{|\}|$|TAP|# Subtest)/.test(line) && counts.failed > 0) process.stdout.write(line + '\n')
    return
  }
  const isFile = indent.length === 0
  if (isFile && !not) process.stdout.write(`ok ${name.replace('build/test/', '')}\n`)
  if (not) process.stdout.write(`FAILED ${line.trim()}\n`)
  if (indent.length !== 4) return
  if (/# SKIP/i.test(name)) counts.skipped++
  else if (not) counts.failed++
  else counts.passed++
}

if (process.argv[1] === join(root, 'scripts/test.js')) {
  const { passed, failed, skipped } = await runTests(process.argv.slice(2))
  if (skipped > 0) process.stdout.write(`${skipped} skipped\n`)
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exit(failed > 0 ? 1 : 0)
}
