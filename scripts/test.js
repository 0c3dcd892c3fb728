// npm test [-- words]: installs and builds what is missing, runs the tests (those whose file names contain one of the words, if
// any are given), and ends with `N passed, N failed`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ensureBuild, ensureModules, ensureNode, root } from './bootstrap.js'
import { ensureChromium, ensureProxies, ensureRedisServer } from './programs.js'

/** Where the compiled tests are, as `.taprc` includes them. */
const directory = join(root, 'build/test')

/**
 * Runs the tests, and prints a line for each file and everything about each failure. Each file, or some small ones, is a process of plain
 * Node: under tap's own runner it would be watched for coverage and mocks, by hooks that take as long as the start of a small file.
 * @param words only files whose names contain one of these are run; all when there is none
 * @returns how many tests passed, failed and were skipped, counted from what the files print: their tests (not the assertions
 *   in these), and each file that ended badly without one of its tests having failed: a crash, a timeout.
 */
export async function runTests (words = []) {
  await ensureNode()
  ensureModules()
  ensureRedisServer()
  ensureChromium()
  ensureProxies()
  ensureBuild()
  const { parse } = await import('yaml')
  const { jobs, timeout } = parse(readFileSync(join(root, '.taprc'), 'utf8'))
  const files = listFiles(words)
  const counts = { passed: 0, failed: files.length > 0 ? 0 : 1, skipped: 0 }
  if (files.length === 0) process.stdout.write(`FAILED no test file has ${words.join(' or ')} in its name\n`)
  await Promise.all(Array.from({ length: jobs }, async () => {
    while (files.length > 0) await runFiles(files, timeout, counts)
  }))
  return counts
}

/** What starts whole processes or a browser, waits for time to pass, or tries again and again, takes longest: by these words in a file. */
const slow = /helper\/(?:process|page|browser|life)\.js|_SEC: '\d|numRuns|ROUNDS|t\.jobs/
/** These are the longest of all, however short their texts. */
const longest = /\brun(?:History|Mutant)\b/

/** The files in the order in which they begin: the longest first, since what runs last should be short, or the other cores wait for it. */
function listFiles (words) {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.js') && (words.length === 0 || words.some(word => name.includes(word))))
  const length = text => longest.test(text) ? Number.MAX_SAFE_INTEGER : text.length * (slow.test(text) ? 1000 : 1)
  const files = names.map(name => ({ name, length: length(readFileSync(join(directory, name), 'utf8')) }))
  return files.sort((a, b) => b.length - a.length).map(({ name }) => name)
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

/**
 * Runs files in one process, one after the other, until there are no more or it ends; adds to the counts.
 * @param files takes the next ones from it.
 * @param timeout seconds of a file without an end, after which tap fails it.
 */
async function runFiles (files, timeout, counts) {
  const { createParser, NEXT } = await import('./tap.js')
  const found = { passed: 0, failed: 0, skipped: 0 }
  const running = []
  const report = createReport(found)
  const parser = createParser(found, report.print, name => {
    running.shift()
    report.end(name)
  })
  const child = startRunner(timeout)
  child.on('message', message => {
    if (message !== NEXT) return // tap's own, to its runner
    const name = files.shift()
    if (name) running.push(name)
    child.send(name ?? null)
  })
  const closed = once(child, 'close')
  await pipeline(child.stdout, parser)
  report.close(await closed, running)
  for (const outcome in counts) counts[outcome] += found[outcome]
}

/** Starts a process that runs the files which it is told; it ends when one of them takes too long. */
function startRunner (timeout) {
  const child = spawn(process.execPath, [join(root, 'scripts/in-one.js')], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, NODE_COMPILE_CACHE: compiled, TAP: '1', TAP_TIMEOUT: String(timeout) }
  })
  groups.add(child.pid)
  let watch
  child.on('message', () => {
    clearTimeout(watch)
    // tap's own timeout speaks first, unless the event loop does not turn any more
    watch = setTimeout(end, (timeout + 10) * 1000, child.pid)
  })
  child.on('close', () => {
    clearTimeout(watch)
    end(child.pid)
  })
  return child
}

/**
 * Makes what prints the outcome of files that run one after the other.
 * @param found how many tests have failed so far, of all of them.
 * @returns `print(line)`: about the one that runs; `end(name)`: it has ended; `close(how, running)`: so has the process.
 */
function createReport (found) {
  let [began, failed, lines] = [performance.now(), 0, []]

  function print (line) {
    lines.push(line)
  }

  function end (name) {
    process.stdout.write(`${found.failed > failed ? 'FAILED' : 'ok'} ${name} ${Math.round(performance.now() - began)} ms\n`)
    for (const line of lines) process.stdout.write(`${line}\n`)
    ;[began, failed, lines] = [performance.now(), found.failed, []]
  }

  function close ([code, signal], running) {
    // the file that ran has failed, unless a test of it has said so; where none ran, a test of any has set the code
    if (code !== 0 && found.failed === (running.length > 0 ? failed : 0)) {
      found.failed++
      print(`    ended with ${signal ?? `exit code ${code}`}`)
    }
    if (running.length > 0 || lines.length > 0) end(running.join(', ') || 'at the end')
  }

  return { print, end, close }
}

if (process.argv[1] === join(root, 'scripts/test.js')) {
  const { passed, failed, skipped } = await runTests(process.argv.slice(2))
  if (skipped > 0) process.stdout.write(`${skipped} skipped\n`)
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed > 0 ? 1 : 0
}
