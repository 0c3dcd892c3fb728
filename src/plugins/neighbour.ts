// Who asks from this very machine: what is only for its own browser must not reach the world through a proxy.
import type { FastifyRequest } from 'fastify'

/** What proxies, tunnels and load balancers add; one of them, and the request comes from elsewhere. */
const forwarding = new RegExp('^(forwarded$|via$|cdn-loop$|(x-)?(true-|cluster-)?client-ip|' +
  'x-(forwarded|real-ip|original|proxy|envoy|amzn|amz-cf|azure|arr|appengine|vercel|scheme|host|rewrite-url|traefik|sendfile)|' +
  'cf-|fastly|fly-|tailscale-|ngrok-|akamai)')

const loopback = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/
const localHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/**
 * @returns whether a request comes from this machine itself, by a name of its own, from no page but one of Iris, and through
 *   nobody: not by a proxy (also one that adds no header but speaks HTTP/1.0, as nginx by default), not from another site,
 *   not by a foreign name that leads here (DNS rebinding).
 */
export function isNeighbour ({ raw, headers }: FastifyRequest): boolean {
  const { host = '', origin, referer, 'sec-fetch-site': site } = headers
  const own = `http://${host}`
  return loopback.test(raw.socket.remoteAddress ?? '') && raw.httpVersion === '1.1' && localHost.test(host) &&
    !Object.keys(headers).some(name => forwarding.test(name)) &&
    (origin === undefined || origin === own) && (referer === undefined || referer === own || referer.startsWith(`${own}/`)) &&
    (site === undefined || site === 'same-origin' || site === 'none')
}
