// Installs what is missing and builds what is stale, saying so; with nothing to do it takes milliseconds. Node core only.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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
  for (const file of ['tsconfig.json', 'package-lock.json', 'scripts/build.js', 'scripts/client.js']) {
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
