// Processes whose clock is wrong, or jumps while they run: the machine's, that is; the monotonic one is nobody's to set.
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { YOUNG_FLAG } from '../../src/young.js'
import type { Iris } from './iris.js'
import { until } from './user.js'

export const HOUR_MS = 3_600_000

const preload = pathToFileURL(fileURLToPath(new URL('clock-preload.js', import.meta.url))).href

/** The environment of a process whose clock is wrong by `shiftMs` when it starts, and goes wrong by `jumpMs` more with each `jump`. */
export const clockEnv = ({ shiftMs = 0, jumpMs = 0 }: { shiftMs?: number, jumpMs?: number }) =>
  ({ NODE_OPTIONS: `${YOUNG_FLAG} --import=${preload}`, TEST_CLOCK_SHIFT_MS: String(shiftMs), TEST_CLOCK_JUMP_MS: String(jumpMs) })

interface Process { child: Pick<ChildProcess, 'kill'>, output (): string }

/** Lets the clock of a process that was started with `clockEnv` jump. */
export async function jump ({ child, output }: Process): Promise<void> {
  const jumps = () => output().split('the clock says').length
  const before = jumps()
  child.kill('SIGWINCH')
  await until(async () => jumps() > before || undefined)
}

/**
 * Lets the clock of Redis be so far ahead, as nodes in this process hear it, until the test ends; scripts have the true one.
 * Resolves when the nodes have heard.
 */
export async function setAhead (t: Test, nodes: Pick<Iris, 'redis' | 'url'>[], aheadMs: number): Promise<void> {
  const isAhead = async (ms: number) => {
    for (const { url } of nodes) {
      await until(async () => {
        const { serverTime } = await (await fetch(`${url}/v1/time`)).json() as { serverTime: number }
        return Math.abs(serverTime - Date.now() - ms) < 1_000 || undefined
      })
    }
  }
  for (const { redis } of nodes) {
    const { time } = Object.getPrototypeOf(redis) as typeof redis
    redis.time = async () => {
      const [seconds, micros] = await time.call(redis) as [number, number]
      return [Number(seconds) + aheadMs / 1000, micros]
    }
  }
  t.teardown(async () => {
    for (const { redis } of nodes) Reflect.deleteProperty(redis, 'time')
    await isAhead(0)
  })
  await isAhead(aheadMs)
}
