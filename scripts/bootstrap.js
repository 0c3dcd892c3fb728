// Installs what is missing and builds what is stale, saying so; with nothing to do it takes milliseconds. Node core only.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithParent, goOnWithPinned, isOld } from './node.js'
import { takeTurn } from './turn.js'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const LOCK_STAMP = 'node_modules/.iris-lock'
const BUILD_STAMP = 'build/.stamp'

/** Prints a line; stdout stays the caller's. */
export const say = sentence => process.stderr.write(`iris: ${sentence}\n`)

/** Ends the process with one line. */
export function fail (sentence) {
  say(sentence)
  process.exit(1)
}

/** Runs a program in the repository; its output goes to stderr, so that stdout stays the caller's. @returns whether it succeeded. */
export function run (program, args, options = {}) {
  return spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2], ...options }).status === 0
}

/** @returns the path of a program, as a shell would find it; undefined when there is none. */
const find = program => findIn((process.env.PATH ?? '').split(delimiter).filter(Boolean), program)
const findIn = (directories, program) => directories.map(directory => join(directory, program)).find(path => existsSync(path))

/** Goes on with the pinned Node, fetched when it is missing, where this one is too old; then it never returns. */
export async function ensureNode () {
  if (!isOld(root)) return endWithParent(root)
  // first, since it empties node_modules
  ensureModules()
  try {
    await goOnWithPinned(root, say)
  } catch (error) {
    fail(`Node ${process.versions.node} is too old, and ${error.message}`)
  }
}

/** Installs the packages of the lockfile when they are missing or the lockfile has changed. */
export function ensureModules () {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex')
  const stamp = join(root, LOCK_STAMP)
  const isThere = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === hash
  if (isThere()) return
  // npm ci empties the folder first: behind a link, that of another tree
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    fail('node_modules is a link to packages of another package-lock.json: remove the link, and run this again')
  }
  const leave = turn()
  if (isThere()) return leave()
  say('installing the packages of package-lock.json')
  // --include=dev: the build needs the compiler, also where NODE_ENV is production
  if (!run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'])) fail('npm ci failed: see above')
  writeFileSync(stamp, hash)
  leave()
}

/** Waits until nobody else installs or builds here. @returns what lets the next one. */
export function turn () {
  try {
    return takeTurn(root, say)
  } catch (error) {
    return fail(error.message)
  }
}

/** The ways to install a package of the system, by package manager; `update` is called when the first attempt fails. */
const managers = {
  'apt-get': { install: ['install', '-y', '-qq', '--no-install-recommends'], update: ['update', '-qq'] },
  dnf: { install: ['install', '-y', '-q'] },
  apk: { install: ['add', '-q'] },
  brew: { install: ['install', '-q'] }
}

/** Debian starts the services that it installs, unless the run level or an absent systemd forbids it. */
const quietly = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', SYSTEMD_OFFLINE: '1' }

/**
 * @returns the words before a command that needs root, `quietly` among them since sudo drops the environment;
 *   undefined when this process may not.
 */
function privilege (manager) {
  if (manager === 'brew' || process.getuid?.() === 0) return []
  if (!find('sudo') || spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) return undefined
  return ['sudo', '-n', 'env', ...Object.entries(quietly).map(pair => pair.join('='))]
}

/**
 * Installs a program of the system when it is absent and this process may; never asks.
 * @param names the package of each manager, where it is not named like the program.
 * @returns undefined when the program is there; else the command that a human should run.
 */
function ensureProgram (program, names) {
  if (find(program)) return undefined
  const manager = Object.keys(managers).find(find)
  if (!manager) return `install ${program}`
  const name = names[manager] ?? program
  const before = privilege(manager)
  if (!before) return `sudo ${manager} install ${name}`
  say(`${program} is not installed: installing it with ${manager}`)
  const { install, update } = managers[manager]
  const call = args => {
    const [first, ...rest] = [...before, manager, ...args]
    return run(first, rest, { env: { ...process.env, ...quietly } })
  }
  if (!call([...install, name]) && update && call(update)) call([...install, name])
  return find(program) ? undefined : `${manager} install ${name}`
}

/** Provides redis-server, unless IRIS_REDIS_URL names another Redis; else one line and exit 1. */
export function ensureRedisServer () {
  if (process.env.IRIS_REDIS_URL) return
  const remedy = ensureProgram('redis-server', { dnf: 'redis', apk: 'redis', brew: 'redis' })
  if (remedy) fail(`redis-server is not installed: run \`${remedy}\`, or set IRIS_REDIS_URL to a Redis of your own`)
}

/** Provides a browser for the tests of the page, named in IRIS_CHROMIUM; without one they are skipped and say so. */
export function ensureChromium () {
  if (process.env.IRIS_CHROMIUM) return
  const browser = () => ['chromium', 'chromium-browser', 'google-chrome'].map(find).find(Boolean)
  const remedy = browser() ? undefined : ensureProgram('chromium', {})
  if (remedy) say(`chromium is not installed (run \`${remedy}\`, or set IRIS_CHROMIUM): the tests of the page will be skipped`)
  else process.env.IRIS_CHROMIUM = browser()
}

/** Where daemons are installed; the PATH of a user is often without them. */
const sbin = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** Provides the proxies that are tried, named in IRIS_NGINX and IRIS_CADDY; the tests of one that is not there are skipped and say so. */
export function ensureProxies () {
  for (const proxy of ['nginx', 'caddy']) ensureProxy(proxy)
}

function ensureProxy (proxy) {
  const variable = `IRIS_${proxy.toUpperCase()}`
  if (process.env[variable]) return
  const path = () => find(proxy) ?? findIn(sbin, proxy)
  const remedy = path() ? undefined : ensureProgram(proxy, {})
  const found = path()
  if (found) process.env[variable] = found
  else say(`${proxy} is not installed (run \`${remedy}\`, or set ${variable}): the tests of ${proxy} will be skipped`)
}

/** Packages that were installed beside sources (the bench's peers) are none. */
const isSource = path => !path.includes('/node_modules/', root.length)

/** @returns a digest of everything that the build depends on: contents, so that a checkout which only touches files is not stale. */
export function hashSources () {
  const hash = createHash('sha256')
  for (const directory of ['src', 'test']) {
    const entries = readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name)).filter(isSource).sort()
    for (const file of files) hash.update(`\0${file.slice(root.length)}\0`).update(readFileSync(file))
  }
  for (const file of ['tsconfig.json', 'package-lock.json', 'scripts/build.js', 'scripts/client.js', 'scripts/shorten.js']) {
    hash.update('\0').update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

/** What stands behind the digest in the stamp of a build whose types were not looked at. */
const UNCHECKED = ' unchecked'

/** @returns whether a source has changed since the last build that succeeded. @param mayBeUnchecked its types need not be known as right */
export function isStale (mayBeUnchecked) {
  const stamp = join(root, BUILD_STAMP)
  if (!existsSync(stamp)) return true
  const [found, hash] = [readFileSync(stamp, 'utf8'), hashSources()]
  return found !== hash && !(mayBeUnchecked && found === hash + UNCHECKED)
}

/** Notes which sources build/ was made of. */
export const stampBuild = (hash, isUnchecked) => writeFileSync(join(root, BUILD_STAMP), hash + (isUnchecked ? UNCHECKED : ''))

/** Takes that back: build/ is about to change. */
export const unstampBuild = () => rmSync(join(root, BUILD_STAMP), { force: true })

/** Builds when it is stale: what starts, or is tested, need not wait for the types. */
export function ensureBuild () {
  if (!isStale(true)) return
  say('building')
  if (!run(process.execPath, ['scripts/build.js', '--unchecked'])) fail('the build failed: see above')
}
