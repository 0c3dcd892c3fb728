// A door before a server, mostly Redis: it leads to one server or another, swallows all that is said, or loses one answer.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Test } from 'tap'

/** Opens a door to a server. @param path its unix socket, or its port. */
export async function openDoor (t: Test, path: string) {
  const pairs = new Set<Socket>()
  const state = { path, isSwallowing: false, connections: 0 }
  const server = createServer(near => {
    state.connections++
    const far = connect(state.path)
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      pairs.add(socket)
      socket.on('error', () => undefined).on('close', () => {
        pairs.delete(socket)
        if (!state.isSwallowing) other.destroy()
      })
      socket.on('data', chunk => { if (!state.isSwallowing) other.write(chunk) })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => { for (const socket of pairs) socket.destroy() }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** How often somebody came in. */
    get connections () { return state.connections },
    /** From now on every byte of every connection, old and new, is swallowed; or none of those that come. */
    swallow: (isSwallowing: boolean) => { state.isSwallowing = isSwallowing },
    /** Leads who comes to another server. */
    leadTo: (other: string) => { state.path = other },
    cut
  }
}
