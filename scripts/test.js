// npm test [-- words]: installs and builds what is missing, runs the tests (those whose file names contain one of the words, if
// any are given), and ends with `N passed, N failed`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ensureBuild, ensureChromium, ensureModules, ensureNginx, ensureNode, ensureRedisServer, root } from './bootstrap.js'

/** Where the compiled tests are, as `.taprc` includes them. */
const directory = join(root, 'build/test')

/**
 * Runs the tests, and prints a line for each file and everything about each failure. Each file is a process of plain Node: under
 * tap's own runner it would be watched for coverage and mocks, by hooks that take as long as the whole start of a small file.
 * @param words only files whose names contain one of these are run; all when there is none
 * @returns how many tests passed, failed and were skipped, counted from what the files print: their tests (not the assertions
 *   in these), and each file that ended badly without one of its tests having failed: a crash, a timeout.
 */
export async function runTests (words = []) {
  await ensureNode()
  ensureModules()
  ensureRedisServer()
  ensureChromium()
  ensureNginx()
  ensureBuild()
  const { parse } = await import('yaml')
  const { jobs, timeout } = parse(readFileSync(join(root, '.taprc'), 'utf8'))
  const files = listFiles().filter(name => words.length === 0 || words.some(word => name.includes(word)))
  const counts = { passed: 0, failed: files.length > 0 ? 0 : 1, skipped: 0 }
  if (files.length === 0) process.stdout.write(`FAILED no test file has ${words.join(' or ')} in its name\n`)
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (let name = files.shift(); name !== undefined; name = files.shift()) await runFile(name, timeout, counts)
  }))
  return counts
}

/** What starts whole processes or a browser, or waits for time to pass, takes longest: by these words in a file. */
const slow = /helper\/(?:process|page|browser|life)\.js|_SEC: '\d/

/** The slow files first, and of each kind the long ones: what runs last should be short, or the other cores wait for it. */
function listFiles () {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.test.js'))
  const files = names.map(name => {
    const text = readFileSync(join(directory, name), 'utf8')
    return { name, isSlow: slow.test(text), length: text.length }
  })
  return files.sort((a, b) => b.isSlow - a.isSlow || b.length - a.length).map(({ name }) => name)
}

/** Where Node keeps what it has compiled, for the next of some hundred processes that load the same modules; it ends with the build. */
const compiled = join(root, 'build/.compiled')

/** The process groups of the files that run: what they have started ends with them, whatever happens here. */
const groups = new Set()
process.on('exit', () => { for (const group of groups) end(group) })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

function end (group) {
  groups.delete(group)
  try { process.kill(-group, 'SIGKILL') } catch {} // nobody is left
}

/** Runs a file and adds to the counts. @param timeout seconds without an end, after which tap fails the file */
async function runFile (name, timeout, counts) {
  const { Parser } = await import('tap-parser')
  const began = performance.now()
  const found = { passed: 0, failed: 0, skipped: 0 }
  const output = []
  const parser = follow(new Parser(), found, line => output.push(line))
  const file = spawn(process.execPath, [join(directory, name)], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: compiled, TAP: '1', TAP_TIMEOUT: String(timeout) },
    // tap's own timeout speaks first, unless the file's event loop does not turn any more
    timeout: (timeout + 10) * 1000,
    killSignal: 'SIGKILL'
  })
  groups.add(file.pid)
  const closed = once(file, 'close')
  await pipeline(file.stdout, parser)
  const [code, signal] = await closed
  end(file.pid)
  if (code !== 0 && found.failed === 0) {
    found.failed++
    output.push(`    ended with ${signal ?? `exit code ${code}`}`)
  }
  output.unshift(`${found.failed > 0 ? 'FAILED' : 'ok'} ${name} ${Math.round(performance.now() - began)} ms`)
  process.stdout.write(output.join('\n') + '\n')
  for (const outcome in counts) counts[outcome] += found[outcome]
}

/** Counts while a file's output is parsed, and prints its failures. */
function follow (parser, counts, print) {
  parser.on('assert', test => {
    if (test.skip || test.todo) counts.skipped++
    else counts[test.ok ? 'passed' : 'failed']++
    if (test.skip) print(`skipped: ${test.name} (${test.skip})`)
  })
  parser.on('bailout', reason => print(`FAILED bail out: ${reason}`))
  printFailures(parser, print, [])
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

/** @param diag null when the output ended inside it */
function describe (diag) {
  return Object.entries(diag ?? {})
    .filter(([name]) => !['at', 'tapCaught', 'source', 'stdio', 'externalID', 'args', 'jobId', 'command', 'cwd', 'handles'].includes(name))
    .map(([name, value]) => `    ${name}: ${typeof value === 'string' ? inSources(value).trimEnd().replaceAll('\n', '\n      ') : JSON.stringify(value)}`)
    .join('\n')
}

/** Names the places of a stack in the sources. Node would by itself, but reads the map of every module at every start for that. */
function inSources (stack) {
  return stack.replace(/(?:file:\/\/\S*?)?build\/((?:src|test)\/[^\s:()]+)\.js:(\d+):(\d+)/g, (place, name, line, column) => {
    const map = new SourceMap(JSON.parse(readFileSync(join(root, `build/${name}.js.map`), 'utf8')))
    const { lineNumber, columnNumber } = map.findOrigin(Number(line), Number(column))
    return lineNumber === undefined ? place : `${name}.ts:${lineNumber}:${columnNumber}`
  })
}

if (process.argv[1] === join(root, 'scripts/test.js')) {
  const { passed, failed, skipped } = await runTests(process.argv.slice(2))
  if (skipped > 0) process.stdout.write(`${skipped} skipped\n`)
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed > 0 ? 1 : 0
}
