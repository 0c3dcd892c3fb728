// An embedded Redis for a test, and other processes that own one.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/store/embedded/embedded.js'
import { createRedis, type Redis } from '../../src/store/redis/redis.js'

/** A log that nobody reads. */
export const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const WAIT_MS = 20_000

/** A directory that ends with the test. */
export async function directoryOf (t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'iris-embedded-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

type Facts = Partial<Parameters<typeof startEmbeddedRedis>[0]>

/** Starts an embedded Redis in this process; it ends with the test. */
export async function embed (t: Test, facts: Facts = {}): Promise<EmbeddedRedis> {
  const embedded = await startEmbeddedRedis({ dataDir: facts.dataDir ?? await directoryOf(t), durability: 'memory', log: silent, ...facts })
  t.teardown(() => embedded.stop())
  return embedded
}

/** A connection to it, ready. */
export async function connectTo (t: Test, { socketPath }: { socketPath: string }): Promise<Redis> {
  const redis = createRedis(socketPath)
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  await once(redis, 'ready')
  return redis
}

/** Waits for a condition; the test fails when it does not come true. */
export async function within (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = performance.now(); !await isTrue(); await delay(10)) {
    if (performance.now() - began > WAIT_MS) throw new Error(`not within ${WAIT_MS} ms: ${what}`)
  }
}

/** A process that waits for its parent to ask for its end does not live any more. */
export const lives = async (pid: number) => !/\) Z |^$/.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))

/** Another process that owns an embedded Redis: an Iris of its own. `path` is its PATH. */
export async function startOwner (t: Test, dataDir: string, path = process.env['PATH']) {
  const code = `import { startEmbeddedRedis } from ${JSON.stringify(import.meta.resolve('../../src/store/embedded/embedded.js'))}
    const log = { info () {}, warn () {}, error () {} }
    const tell = facts => console.log(JSON.stringify(facts))
    try {
      const embedded = await startEmbeddedRedis({ dataDir: process.argv[1], durability: 'memory', log })
      tell({ pid: embedded.pid, socketPath: embedded.socketPath })
    } catch (error) { tell({ error: error.message }) }`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', code, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: path }
  })
  t.teardown(() => kill(owner))
  const [line] = await once(createInterface({ input: owner.stdout }), 'line') as [string]
  const facts = JSON.parse(line) as { pid: number, socketPath: string, error?: string }
  if (facts.pid) t.teardown(async () => { if (await lives(facts.pid)) process.kill(facts.pid, 'SIGKILL') })
  return { ...facts, process: owner }
}

/** Ends a process as a crash would. */
export async function kill (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** A PATH with these programs only; `own` ones are shell scripts. */
export async function pathOf (t: Test, programs: string[], own: Record<string, string> = {}): Promise<string> {
  const directory = await directoryOf(t)
  for (const program of programs) await symlink(`/usr/bin/${program}`, join(directory, program))
  for (const [name, script] of Object.entries(own)) await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return directory
}
