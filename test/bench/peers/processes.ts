// Processes that are no children of Node's own kind: how they are started and ended, and what they use by the kernel's account.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** A tick of `/proc/<pid>/stat`, us: USER_HZ is 100 on every Linux. */
const TICK_US = 10_000
const PAGE = 4096
const [START_MS, END_MS] = [10_000, 3_000]

/** The numbers of `/proc/<pid>/stat` behind the name, from the state on; undefined when it has ended. */
function statOf (pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** @returns this process and its children. */
export function familyOf (pid: number): number[] {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number)
  return [pid, ...all.filter(other => statOf(other)?.[1] === String(pid))]
}

/** @returns the us of CPU that these have used so far, with those of their children that have ended. */
export function cpuOf (pids: number[]): number {
  const ticks = (pid: number) => (statOf(pid) ?? []).slice(11, 15).reduce((sum, value) => sum + Number(value), 0)
  return pids.reduce((sum, pid) => sum + ticks(pid) * TICK_US, 0)
}

/** @returns the bytes of their resident memory. */
export const rssOf = (pids: number[]): number => pids.reduce((sum, pid) => sum + Number(statOf(pid)?.[21] ?? 0) * PAGE, 0)

/** @returns the us of CPU that the whole machine has used so far (what a hypervisor took from it among it), and could have used. */
export function machineCpu (): { busy: number, all: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
    readFileSync('/proc/stat', 'latin1').split('\n')[0]?.split(/ +/).slice(1).map(Number) ?? []
  const busy = user + nice + system + irq + softirq + steal
  return { busy: busy * TICK_US, all: (busy + idle + iowait) * TICK_US }
}

const running = new Set<{ stop (): Promise<void> }>()

/** Stops all that was launched and is still there: what a start that failed has left, too. */
export const stopAll = async (): Promise<void> => { for (const run of running) await run.stop() }

/** Runs a program until `stop()`, or until this process ends, in whatever way. Its output goes to a file. */
export function launch (command: string, args: string[], logFile: string) {
  const log = openSync(logFile, 'a')
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args], { stdio: ['ignore', log, log] })
  const failed = new Promise<never>((_resolve, reject) => {
    child.on('error', error => reject(new Error(`setpriv (util-linux): ${error.message}`)))
    child.on('exit', code => reject(new Error(`${command} has ended (${code}): ${readFileSync(logFile, 'utf8').slice(-500)}`)))
  })
  failed.catch(() => undefined)
  const run = {
    get pid () { return child.pid as number },

    /** Waits until `probe` says so; throws its last words when it ends before, or takes too long. */
    async isUp (probe: () => Promise<boolean>): Promise<void> {
      for (const until = performance.now() + START_MS; !await Promise.race([failed, probe()]); await pause(50)) {
        if (performance.now() > until) throw new Error(`${command} did not come up in ${START_MS / 1000} s`)
      }
    },

    async stop (): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
      await exited
      clearTimeout(timer)
    }
  }
  running.add(run)
  child.on('exit', () => running.delete(run)).on('error', () => running.delete(run))
  return run
}

/** @returns a port of loopback that was free just now. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** @returns whether something answers HTTP there, with whatever status. */
export const answers = async (port: number): Promise<boolean> => await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false)
