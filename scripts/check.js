// npm run check [-- --skip-tests] [--image]: lint, build, dead code, drift of generated documents, the package, other Nodes, tests;
// each named with its outcome and time.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { ensureModules, ensureNode, root } from './bootstrap.js'
import { runTests } from './test.js'

await ensureNode()
ensureModules()

const bin = name => join(root, 'node_modules/.bin', name)
const types = ['types, and lint by types', process.execPath, ['scripts/lint.js', 'typed']]
const lint = ['lint without types', process.execPath, ['scripts/lint.js', 'plain']]
const build = ['build', process.execPath, ['scripts/build.js', '--if-stale', '--unchecked']]
/** These read what was built. */
const steps = [
  ['dead code', bin('ts-unused-exports'), ['tsconfig.json', '--allowUnusedTypes']],
  ['OpenAPI and AsyncAPI drift', process.execPath, ['scripts/openapi.js', '--check']],
  ['drift of tables', process.execPath, ['scripts/tables.js', '--check']],
  ['OpenAPI and AsyncAPI lint', bin('redocly'), ['lint', 'openapi/iris.yaml', 'openapi/iris-3.2.yaml', 'openapi/asyncapi.yaml']]
]

/** The Nodes beside the pinned one on which Iris must start, chat and stop. */
const others = ['22.23.3', '26.10.0']

const counts = { passed: 0, failed: 0 }

/** Runs a step; its output is printed when it failed. @returns whether it succeeded. */
async function check ([name, program, args]) {
  const began = performance.now()
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const { error, stdout, stderr } = await new Promise(resolve => {
    execFile(program, args, { cwd: root, maxBuffer: 64 * 1024 * 1024, env }, (error, stdout, stderr) => resolve({ error, stdout, stderr }))
  })
  counts[error ? 'failed' : 'passed']++
  process.stdout.write(`${error ? 'FAILED' : 'ok'} ${name} ${Math.round(performance.now() - began)} ms\n`)
  if (error) process.stdout.write(`${stdout || stderr ? '' : error.message}${stdout}${stderr}\n`)
  return !error
}

async function checkBuild () {
  if (!await check(build)) return false
  for (const step of steps) await check(step)
  await check(['package', process.execPath, ['scripts/try-package.js']])
  // it installs and builds all anew: when it is asked for
  if (process.argv.includes('--image')) await check(['image', process.execPath, ['scripts/try-image.js']])
  for (const version of others) await check([`Node ${version}`, process.execPath, ['scripts/try-node.js', version]])
  return true
}

async function checkOthers () {
  const isBuilt = await checkBuild()
  await check(lint)
  return isBuilt
}

// the types keep one core busy for as long as all others together
const isSound = (await Promise.all([check(types), checkOthers()])).every(Boolean)
if (isSound && !process.argv.includes('--skip-tests')) {
  const { passed, failed } = await runTests()
  counts.passed += passed
  counts.failed += failed
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
process.exitCode = counts.failed > 0 ? 1 : 0
