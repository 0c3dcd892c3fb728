// Who asks from this very machine: what is only for its own browser must not reach the world through a proxy.
import type { FastifyRequest } from 'fastify'
import { isLoopback } from '../protocol/loopback.js'

/**
 * What browsers, command lines, HTTP libraries and Prometheus send of themselves, and what this protocol asks for. Proxies,
 * tunnels and load balancers add headers of names without number: whatever is not known here comes from one of them.
 */
const ofClients = new RegExp('^((accept|if|sec)(-|$)|access-control-request-|content-(encoding|length|type)$|(' + [
  'authorization', 'cache-control', 'connection', 'cookie', 'dnt', 'expect', 'host', 'http2-settings', 'keep-alive', 'origin', 'pragma',
  'priority', 'purpose',
  'range', 'referer', 'save-data', 'te', 'transfer-encoding', 'upgrade', 'upgrade-insecure-requests', 'user-agent', 'x-requested-with',
  'x-prometheus-scrape-timeout-seconds', 'baggage', 'idempotency-key', 'last-event-id', 'terminal-id', 'trace-id', 'traceparent',
  'tracestate'
].join('|') + ')$)')

/**
 * @returns whether a request comes from this machine itself, by a name of its own, from no page but one of Iris, and through
 *   nobody: not by a proxy (also one that adds no header but speaks HTTP/1.0, as nginx by default), not from another site,
 *   not by a foreign name that leads here (DNS rebinding). A proxy that adds nothing and speaks HTTP/1.1 cannot be told apart.
 */
export function isNeighbour ({ raw, headers }: FastifyRequest): boolean {
  const { host = '', origin, referer, 'sec-fetch-site': site } = headers
  const own = `http://${host}`
  return isLoopback(raw.socket.remoteAddress ?? '') && raw.httpVersion === '1.1' && isLoopback(nameOf(host)) &&
    Object.keys(headers).every(name => ofClients.test(name)) &&
    (origin === undefined || origin === own) && (referer === undefined || referer === own || referer.startsWith(`${own}/`)) &&
    (site === undefined || site === 'same-origin' || site === 'none')
}

/** @returns the name or address in a Host header, without brackets and port. */
const nameOf = (host: string) => host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
