// Processes whose clock is wrong, or jumps while they run: the machine's, that is; the monotonic one is nobody's to set.
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { startProcess } from './process.js'
import { until } from './user.js'

export const HOUR_MS = 3_600_000

const preload = pathToFileURL(fileURLToPath(new URL('clock-preload.js', import.meta.url))).href

/** The environment of a process whose clock is wrong by `shiftMs` when it starts, and goes wrong by `jumpMs` more with each `jump`. */
export const clockEnv = ({ shiftMs = 0, jumpMs = 0 }: { shiftMs?: number, jumpMs?: number }) =>
  ({ NODE_OPTIONS: `--import=${preload}`, TEST_CLOCK_SHIFT_MS: String(shiftMs), TEST_CLOCK_JUMP_MS: String(jumpMs) })

type Process = Pick<Awaited<ReturnType<typeof startProcess>>, 'child' | 'output'>

/** Lets the clock of a process that was started with `clockEnv` jump. */
export async function jump ({ child, output }: Process): Promise<void> {
  const jumps = () => output().split('the clock says').length
  const before = jumps()
  child.kill('SIGWINCH')
  await until(async () => jumps() > before || undefined)
}
