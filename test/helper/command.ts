// The command line as a process, as somebody starts it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const program = fileURLToPath(new URL('../../../bin/iris-gateway.js', import.meta.url))

/** What a process has of this one's environment: its programs, and what Node has compiled already. */
export const inherited = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }

/** Runs the command line to its end. */
export async function call (args: string[], env: Record<string, string> = {}, input = '') {
  const child = spawn(process.execPath, [program, ...args], { env: { ...inherited, ...env } })
  child.stdin.on('error', () => undefined).end(input)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number]>])
  return { code, out, err }
}
