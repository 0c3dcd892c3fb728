// The client of src/client/ in tests: connected to an Iris, closed with the test, and what it says is kept.
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { connect as Connect, Events, Iris as Client, Options } from '../../src/client/index.js'
import type { Iris } from './iris.js'
import { until } from './user.js'

/** As it is published: the one module. */
export const { connect } = await import(new URL('../../client/index.js', import.meta.url).href) as { connect: typeof Connect }

/** A storage in memory, which a second client may be handed. */
export function createMemory () {
  const kept = new Map<string, string>()
  return {
    kept,
    get: (key: string) => kept.get(key) ?? null,
    set (key: string, value: string) { kept.set(key, value) },
    /** What is kept under a name, whoever's it is. */
    of: (name: string) => [...kept].filter(([key]) => key.endsWith(`:${name}`)).map(([, value]) => JSON.parse(value) as unknown)[0]
  }
}

/** Connects a user; its token is a fresh one each time unless `token` says otherwise. */
export function connectClient (t: Test, iris: Pick<Iris, 'url' | 'token'>, userId: string, options: Partial<Options> = {}) {
  const client = connect({ url: iris.url, token: async () => await iris.token(userId), ...options })
  t.teardown(() => client.close())
  return watch(client)
}

/** What a client has said so far. */
function watch (client: Client) {
  const seen: { [K in keyof Events]: Events[K][] } = {
    state: [],
    message: [],
    read: [],
    revoke: [],
    marker: [],
    command: [],
    notice: [],
    completed: [],
    presence: [],
    outbox: [],
    reset: [],
    conversations: [],
    warning: [],
    frame: []
  }
  for (const type of Object.keys(seen) as (keyof Events)[]) client.on(type, data => { (seen[type] as unknown[]).push(data) })
  const some = async <K extends keyof Events>(type: K, isIt: (data: Events[K]) => boolean = () => true) =>
    await until(async () => (seen[type] as Events[K][]).find(isIt))
  return {
    client,
    seen,
    /** The first event of a kind that is so, when it has come. */
    some,
    is: async (state: Client['state']['state']) => await until(async () => client.state.state === state || undefined),
    texts: () => seen.message.map(({ content }) => content?.['text'])
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse, pass: () => void) => void

/** A proxy before an Iris that does with each request what `handle` says; upgrades it does not know. */
export async function startProxy (t: Test, target: string, handle: Handler) {
  const server = createServer((request, response) => handle(request, response, () => {
    const { method, headers } = request
    request.pipe(forward(target + request.url, { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    }).on('error', () => response.destroy()))
  }))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const cut = () => server.closeAllConnections()
  t.teardown(() => {
    server.close()
    cut()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cut }
}
