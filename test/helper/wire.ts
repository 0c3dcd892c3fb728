// A wire between a client and the server that can go dead without a word: TCP keeps both ends open and tells neither.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/**
 * Lays a wire to a server.
 * @returns `url` of its near end; `goDead()` forwards nothing from then on; `ended` resolves when the server has closed its end.
 */
export async function layWire (t: Test, to: string) {
  const { hostname, port } = new URL(to)
  const sockets: Socket[] = []
  let isDead = false
  let heard = ''
  let end: () => void = () => undefined
  const ended = new Promise<void>(resolve => { end = resolve })
  const server = createServer({ allowHalfOpen: true }, near => {
    const far = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    sockets.push(near, far)
    near.on('data', chunk => { if (!isDead) far.write(chunk) }).on('error', () => undefined)
    far.on('data', chunk => {
      if (isDead) heard += chunk.toString()
      else near.write(chunk)
    }).on('error', () => undefined).on('end', end)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ended,
    /** What the server said into the dead wire. */
    get heard () { return heard },
    goDead (): void { isDead = true }
  }
}
