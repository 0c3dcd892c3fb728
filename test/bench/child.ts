// Processes of the bench: the parent asks by name, a child answers; a child ends when its parent does.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

interface Ask { id: number, verb: string, facts: unknown }
interface Answer { id: number, result?: unknown, error?: string }

/** What a child can be asked, by name. */
type Verbs = Record<string, (facts: never) => unknown>

/** Answers the parent's questions; for the child's side. */
export function serve (verbs: Verbs): void {
  process.on('message', (ask: Ask) => void reply(verbs, ask))
  process.on('disconnect', () => process.exit())
  send({ id: 0 })
}

async function reply (verbs: Verbs, { id, verb, facts }: Ask): Promise<void> {
  try {
    send({ id, result: await verbs[verb]?.(facts as never) })
  } catch (error) {
    send({ id, error: error instanceof Error ? error.stack ?? error.message : String(error) })
  }
}

const send = (answer: Answer) => process.send?.(answer)

interface Options { args?: string[], execArgv?: string[], env?: Record<string, string>, stdout?: number }

/**
 * Starts `test/bench/<file>` as a child with nothing in its environment but `PATH` and what is given.
 * @returns `ask(verb, facts)`, which throws what the child threw, its pid, and `stop()`.
 */
export async function startChild<V extends Verbs> (file: string, { args = [], execArgv = [], env = {}, stdout }: Options = {}) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', stdout ?? 'inherit', 'inherit', 'ipc']
  })
  const asked = new Map<number, { resolve (result: never): void, reject (error: Error): void }>()
  let last = 0
  child.on('message', ({ id, result, error }: Answer) => {
    if (error === undefined) asked.get(id)?.resolve(result as never)
    else asked.get(id)?.reject(new Error(`${file}: ${error}`))
    asked.delete(id)
  })
  child.on('exit', () => { for (const { reject } of asked.values()) reject(new Error(`${file} has ended`)) })
  await new Promise((resolve, reject) => asked.set(0, { resolve, reject }))

  return {
    pid: child.pid as number,

    async ask<N extends keyof V & string> (verb: N, ...[facts]: Parameters<V[N]>): Promise<Awaited<ReturnType<V[N]>>> {
      const id = ++last
      return await new Promise((resolve, reject) => {
        asked.set(id, { resolve, reject })
        child.send({ id, verb, facts } satisfies Ask)
      })
    },

    async stop (): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    }
  }
}
