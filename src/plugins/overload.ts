// What a node that has too much to do refuses before it looks at it: no hook, no token, no body. [DEADLINE-2]
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { overloaded, type Problem, problemBody } from '../protocol/problem.js'
import type { BareHeaders } from './security.js'
import { traceIdOf } from './trace.js'

interface Floor {
  /** Whether a request may be refused by a status. */
  mayShed (request: IncomingMessage): boolean
  /** Whether requests are refused now; each one that is asked for is counted. */
  refuses (): boolean
  headersOf: BareHeaders
}

/** @returns whether a request may be refused: of the protocol, no preflight, and not at one of the addresses that are spared. */
export const sheddable = (spared: ReadonlySet<string>) =>
  ({ method, url = '' }: IncomingMessage) => url.startsWith('/v1/') && method !== 'OPTIONS' && !spared.has(pathOf(url))

/** They are made once, and each says another time to come back: to make one costs as much as to send it. */
const refusals = Array.from({ length: 100 }, overloaded)

/** Puts itself before what listens to a server's requests. The body of one that is refused is not read, and its connection stays open. */
export function shedRequests (server: Server, { mayShed, refuses, headersOf }: Floor): void {
  const listeners = server.listeners('request') as RequestListener[]
  const plainHeaders = headersOf()
  let refused = 0
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    if (mayShed(request) && refuses()) refuse(refusals[refused++ % refusals.length] as Problem, request, response)
    else for (const listener of listeners) listener.call(server, request, response)
  })

  function refuse (problem: Problem, { url = '/', headers }: IncomingMessage, response: ServerResponse): void {
    const traceId = traceIdOf(headers)
    const body = JSON.stringify(problemBody(problem, { instance: pathOf(url), traceId }))
    response.writeHead(problem.status, {
      ...(headers.origin === undefined ? plainHeaders : headersOf(headers.origin)),
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'trace-id': traceId,
      'retry-after': String(problem.facts.members?.['retryAfterSec']),
      'content-length': Buffer.byteLength(body)
    })
    response.end(body)
  }
}

function pathOf (url: string): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}
