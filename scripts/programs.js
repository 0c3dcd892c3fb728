// Programs of the system that Iris and its tests need: found, or installed where this process may. Node core only.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fail, run, say } from './bootstrap.js'

/** @returns the path of a program, as a shell would find it; undefined when there is none. */
const find = program => findIn((process.env.PATH ?? '').split(delimiter).filter(Boolean), program)
const findIn = (directories, program) => directories.map(directory => join(directory, program)).find(path => existsSync(path))

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

/** The first, which Debian has, is the same one without windows: a fifth less to do. */
const browsers = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome']

/** Provides a browser for the tests of the page, named in IRIS_CHROMIUM; without one they are skipped and say so. */
export function ensureChromium () {
  if (process.env.IRIS_CHROMIUM) return
  const browser = () => browsers.map(find).find(Boolean)
  if (!browser() && find('apt-get')) ensureProgram(browsers[0], {})
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
