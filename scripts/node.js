// A Node that is new enough: where the commands are run by an older one, the pinned one is fetched as the npm package of the
// platform into node_modules/, and the command goes on with it. Nothing else on the machine changes. Node core only.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']
/** Said here, since a process with a channel to its parent cannot start itself anew: src/young.ts, which says why. */
const YOUNG = '--max-semi-space-size=16'
const majorOf = version => Number(/\d+/.exec(version)?.[0])

/** @returns what package.json says: `floor`, the oldest major that is supported, and `pinned`, the version that Iris is tested on. */
function versionsOf (root) {
  const { engines, devEngines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return { floor: majorOf(engines.node), pinned: devEngines.runtime.version }
}

/**
 * Where a Node of this version is, fetched when it is not there yet or not whole.
 * @param say prints a line.
 * @returns the path of its binary. Throws an Error of one sentence when it cannot be had here.
 */
export function fetchNode (root, version, say) {
  const place = join(root, 'node_modules', `.iris-node-${version}`)
  if (isWhole(place)) return binaryOf(place)
  const name = packageOf()
  if (!name) {
    throw new Error(`there is no package of Node ${version} for this platform ` +
      `(${process.platform} ${process.arch}): install Node ${version}, and run this again`)
  }
  say(`fetching Node ${version} (the npm package ${name}) into node_modules/`)
  // made elsewhere and put in place at once: two commands may do so at the same time
  const draft = `${place}.${process.pid}`
  try {
    const args = [
      'install', '--prefix', draft, '--global=false', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error',
      `${name}@${version}`
    ]
    const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 2] })
    if (status !== 0) throw new Error(`Node ${version} cannot be fetched: see above; or install Node ${version} yourself`)
    const binary = join(draft, 'node_modules', name, 'bin/node')
    const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' })
    if (stdout?.trim() !== `v${version}`) {
      throw new Error(`the Node ${version} of ${name} does not run on this machine: install Node ${version} yourself`)
    }
    writeFileSync(join(draft, 'whole'), `${join('node_modules', name, 'bin/node')}\n${statSync(binary).size}`)
    if (!isWhole(place)) put(draft, place)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return binaryOf(place)
}

/** Another command may have been faster: then its Node is the one. */
function put (draft, place) {
  rmSync(place, { recursive: true, force: true })
  try {
    renameSync(draft, place)
  } catch (error) {
    if (!isWhole(place)) throw error
  }
}

const stampOf = place => readFileSync(join(place, 'whole'), 'utf8').split('\n')
const binaryOf = place => join(place, stampOf(place)[0])

/** A download that was broken off has no stamp, or a binary of another size. */
function isWhole (place) {
  if (!existsSync(join(place, 'whole'))) return false
  const [path, size] = stampOf(place)
  return statSync(join(place, path), { throwIfNoEntry: false })?.size === Number(size)
}

/** The binaries need glibc; process.report says whether this Node has it. */
function packageOf () {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return undefined
  process.report.excludeNetwork = true // else it looks up names of addresses
  return process.report.getReport().header.glibcVersionRuntime === undefined ? undefined : `node-linux-${process.arch}`
}

/** @returns whether this Node is older than `engines` says. */
export const isOld = root => majorOf(process.versions.node) < versionsOf(root).floor

/** Runs this very command with the pinned Node, first in PATH for all that it starts, and ends as it ends. Never returns. */
export async function goOnWithPinned (root, say) {
  const { pinned } = versionsOf(root)
  const binary = fetchNode(root, pinned, say)
  // a group of its own: a Ctrl-C in the terminal would reach it twice, and a second signal means "end at once"
  const child = spawn(binary, [YOUNG, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
    env: { ...process.env, PATH: `${dirname(binary)}${delimiter}${process.env.PATH ?? ''}` }
  })
  for (const signal of FORWARDED) process.on(signal, () => kill(-child.pid, signal))
  await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      for (const each of FORWARDED) process.removeAllListeners(each)
      if (signal) process.kill(process.pid, signal)
      process.exit(code ?? 128 + constants.signals[signal])
    })
  })
}

/** A group that has ended in the same moment is no error. */
function kill (pid, signal) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/** In a command that runs on a fetched Node: when the one that started it is killed, it ends in order, too. */
export function endWithParent (root) {
  if (!process.connected || !process.execPath.startsWith(join(root, 'node_modules', '.iris-node-'))) return
  process.once('disconnect', () => kill(-process.pid, 'SIGTERM'))
  process.channel.unref()
}
