// Installs what is missing and builds what is stale, saying so; with nothing to do it takes milliseconds. Node core only.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const LOCK_STAMP = 'node_modules/.iris-lock'
const BUILD_STAMP = 'build/.stamp'

const say = sentence => process.stderr.write(`iris: ${sentence}\n`)

/** Ends the process with one line. */
export function fail (sentence) {
  say(sentence)
  process.exit(1)
}

/** Runs a program in the repository; its output goes to stderr, so that stdout stays the caller's. @returns whether it succeeded. */
export function run (program, args, options = {}) {
  return spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2], ...options }).status === 0
}

const isInstalled = program => (process.env.PATH ?? '').split(':').some(directory => directory !== '' && existsSync(join(directory, program)))

/** Refuses a Node that is too old before anything fails without a word. */
export function ensureNode () {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) fail(`Node ${process.versions.node} is too old: 20.19 is the floor`)
}

/** Installs the packages of the lockfile when they are missing or the lockfile has changed. */
export function ensureModules () {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex')
  const stamp = join(root, LOCK_STAMP)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  say('installing the packages of package-lock.json')
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])) fail('npm ci failed: see above')
  writeFileSync(stamp, hash)
}

/** The ways to install a package of the system, by package manager. */
const managers = {
  'apt-get': name => [['apt-get', ['install', '-y', '-qq', '--no-install-recommends', name]], ['apt-get', ['update', '-qq']]],
  dnf: name => [['dnf', ['install', '-y', '-q', name]]],
  apk: name => [['apk', ['add', '-q', name]]],
  brew: name => [['brew', ['install', '-q', name]]]
}

/** @returns the words before a command that needs root; undefined when this process may not. */
function privilege (manager) {
  if (manager === 'brew' || process.getuid?.() === 0) return []
  return isInstalled('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined
}

/**
 * Installs a program of the system when it is absent and this process may.
 * @returns undefined when it is there; else the command that a human should run.
 */
function ensureProgram (program, packages) {
  if (isInstalled(program)) return undefined
  const manager = Object.keys(managers).find(isInstalled)
  if (!manager) return `install ${program}`
  const name = packages[manager] ?? program
  const [install, update] = managers[manager](name)
  const before = privilege(manager)
  if (before === undefined) return `sudo ${manager} install ${name}`
  say(`${program} is not installed: installing it with ${manager}`)
  // RUNLEVEL=1: Debian does not start the service it installs
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const call = ([tool, args]) => run([...before, tool][0], [...[...before, tool].slice(1), ...args], { env })
  if (!call(install) && update) call(update) && call(install)
  return isInstalled(program) ? undefined : `${manager} install ${name}`
}

/** Provides redis-server, unless IRIS_REDIS_URL names another Redis; else one line and exit 1. */
export function ensureRedisServer () {
  if (process.env.IRIS_REDIS_URL) return
  const remedy = ensureProgram('redis-server', { dnf: 'redis', apk: 'redis', brew: 'redis' })
  if (remedy) fail(`redis-server is not installed: run \`${remedy}\`, or set IRIS_REDIS_URL to a Redis of your own`)
}

/** Provides a browser for the tests of the page; without one they are skipped and say so. */
export function ensureChromium () {
  const remedy = ensureProgram('chromium', { brew: 'chromium' })
  if (remedy) say(`chromium is not installed (\`${remedy}\`): the tests of the page will be skipped`)
}

/** @returns a digest of everything that the build depends on. */
function sourcesHash () {
  const hash = createHash('sha256')
  for (const directory of ['src', 'test']) {
    const entries = readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name)).sort()
    for (const file of files) hash.update(file.slice(root.length)).update(readFileSync(file))
  }
  for (const file of ['tsconfig.json', 'package-lock.json', 'scripts/build.js']) hash.update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

/** Builds when a source has changed since the last build. */
export function ensureBuild () {
  const hash = sourcesHash()
  const stamp = join(root, BUILD_STAMP)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  say('building')
  if (!run(process.execPath, ['scripts/build.js'])) fail('the build failed: see above')
  writeFileSync(stamp, hash)
}
