// Where the process listens: one server, also where a name means several addresses.
import { lookup } from 'node:dns/promises'
import type { Server } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * So many connections may wait to be accepted: as many as the kernel allows (net.core.somaxconn). With Node's own 511, a
 * crowd that comes back at once is dropped without a word, and dials again after 1, 3, 7 and 15 s.
 */
const BACKLOG = 65_535

interface At {
  host: string
  port: number
  /** What the name means on this machine. */
  addressesOf?: (name: string) => Promise<string[]>
}

const known = async (name: string) => (await lookup(name, { all: true, order: 'ipv4first' })).map(({ address }) => address)

/**
 * Listens. `localhost` is every address that it means: Fastify would make a second server for the second one, which knew
 * nothing of what stands before and beside Fastify on `app.server` (refusals, upgrades, expectations, the end).
 * @returns the first address, as a URL. Throws when it cannot be listened on; another one that cannot is left out.
 */
export async function listen (app: FastifyInstance, { host, port, addressesOf = known }: At): Promise<string> {
  const [first = host, ...others] = host.toLowerCase() === 'localhost' ? await addressesOf(host) : [host]
  const url = await app.listen({ host: first, port, backlog: BACKLOG })
  const { port: opened } = app.server.address() as AddressInfo
  for (const address of others) await openDoor(app.server, { host: address, port: opened })
  return url
}

/** Takes connections for a server at one more address, as long as it listens. */
async function openDoor (server: Server, at: { host: string, port: number }): Promise<void> {
  // as Node's own servers take theirs
  const door = createServer({ allowHalfOpen: true, noDelay: true }, socket => server.emit('connection', socket))
  server.once('close', () => door.close())
  await new Promise<void>(resolve => door.on('error', () => resolve()).listen({ ...at, backlog: BACKLOG }, resolve))
}
