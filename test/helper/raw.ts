// Raw bytes to a server: what no client library would send, or would mend on its way.
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * Opens a connection.
 * @returns `socket`; `text` is all that came, `ended` resolves with it at the end; `until` waits for a pattern, or for so many answers.
 */
export function openRaw (t: Test, url: string) {
  const { port, hostname } = new URL(url)
  let text = ''
  const waiting = new Set<() => void>()
  const socket: Socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  const ended = new Promise<string>(resolve => socket.on('close', () => resolve(text)))
  const look = () => { for (const each of waiting) each() }
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
    look()
  }).on('error', () => undefined).on('end', () => socket.end()).on('close', look)
  t.teardown(() => socket.destroy())
  return {
    socket,
    ended,
    get text () { return text },
    async until (wanted: RegExp | number): Promise<string> {
      const isThere = () => typeof wanted === 'number' ? statusesOf(text).length >= wanted && text.endsWith('}') : wanted.test(text)
      return await new Promise((resolve, reject) => {
        const check = () => {
          if (!isThere() && !socket.destroyed) return
          waiting.delete(check)
          if (isThere()) resolve(text)
          else reject(new Error(`it ended before ${String(wanted)}: ${text.slice(-500)}`))
        }
        waiting.add(check)
        check()
      })
    }
  }
}

/** The statuses of all answers in a text. */
export const statusesOf = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
