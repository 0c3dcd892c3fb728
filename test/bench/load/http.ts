// A keep-alive socket, one request under way on it; of an answer it knows the status and the body, no more.
import { connect } from 'node:net'

/** One buffer for all sockets: a read is scanned before the next one begins. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** Opens a socket to a server on loopback; `answered` is called with each answer. Rejects when it cannot be opened. */
export function openHttp (
  port: number, answered: (status: string, body: string) => void
): Promise<{ send (request: string): void, end (): void }> {
  return new Promise((resolve, reject) => {
    let text = ''
    function scan (length: number): boolean {
      text += buffer.toString('latin1', 0, length)
      const head = text.indexOf('\r\n\r\n')
      if (head < 0) return true
      const size = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (text.length < head + 4 + size) return true
      const status = text.slice(9, 12)
      const body = text.slice(head + 4)
      if (!status.startsWith('2')) process.stderr.write(`refused: ${body}\n`)
      text = ''
      answered(status, body)
      return true
    }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback: scan } })
    socket.on('error', reject)
    socket.on('connect', () => resolve({ send: request => { socket.write(request, 'latin1') }, end: () => { socket.destroy() } }))
  })
}
