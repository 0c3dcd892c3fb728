// The way to a Redis, which a test makes longer or closes without a word.
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Test } from 'tap'

/**
 * Opens a socket before the one of a Redis.
 * @returns its path, and `delay(ms)`: so much later each reply comes; Infinity: none does, until it is less.
 */
export async function startWay (t: Test, to: string) {
  const path = `${to}.way`
  const sockets = new Set<Socket>()
  const held: (() => void)[] = []
  let delayMs = 0

  const server = createServer(client => {
    const redis = connect(to)
    const chunks: Buffer[] = []
    redis.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      // never past the one before, however the delay has changed
      const pass = () => setTimeout(() => client.write(chunks.shift() as Buffer), delayMs)
      if (delayMs === Infinity) held.push(pass)
      else pass()
    })
    client.pipe(redis)
    for (const [socket, other] of [[client, redis], [redis, client]] as const) {
      socket.on('error', () => undefined)
        .on('close', () => other.destroy())
    }
    sockets.add(client)
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  return {
    path,
    delay (ms: number): void {
      delayMs = ms
      if (ms < Infinity) for (const pass of held.splice(0)) pass()
    }
  }
}
