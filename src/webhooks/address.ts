// Where Iris may call: which URLs may be named, and which addresses are dialled. [WEBHOOK-2]
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An origin that the configuration names: whatever it leads to may be called. `port` is empty for all of them. */
export interface AllowedOrigin { protocol: string, hostname: string, port: string }

/** A URL that may be called. `isAllowed`: the configuration names its origin, and its addresses are not looked at. */
export interface CallUrl { url: URL, isAllowed: boolean }

const MAX_LENGTH = 2_048
/** Below this, ports are those of other services; only that of https is fine. */
const LEAST_PORT = 1_024
const defaultPorts: Record<string, string> = { 'http:': '80', 'https:': '443' }
/** Names that lead to nothing outside by their own rules (RFC 6761, 6762, 8375, and ICANN's `internal`). */
const inner = /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home\.arpa|test|invalid|onion)$/
/** Global unicast, RFC 4291 2.4: nothing else of IPv6 is public, whatever its range is called. */
const globalUnicast = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number]
/** Public by its number, but answered by the host that a virtual machine runs on. */
const ofHosts = new Set(['168.63.129.16'])

/**
 * Reads an item of `IRIS_WEBHOOK_ALLOW`: `scheme://host[:port]`, http or https, a port `*` for any.
 * @returns undefined when it is none.
 */
export function parseAllowed (text: string): AllowedOrigin | undefined {
  const found = /^(https?):\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:*\\[\]]+)(?::(\d{1,5}|\*))?$/i.exec(text)
  if (!found || !URL.canParse(`${found[1]}://${found[2]}`)) return undefined
  const { protocol, hostname } = new URL(`${found[1]}://${found[2]}`)
  return { protocol, hostname, port: found[3] === '*' ? '' : found[3] ?? defaultPorts[protocol] ?? '' }
}

/**
 * Reads a URL that Iris is to call.
 * @returns it, or the rule that it breaks, in words that follow its name.
 */
export function parseCallUrl (text: string, allowed: readonly AllowedOrigin[]): CallUrl | { fault: string } {
  if (text.length > MAX_LENGTH || !URL.canParse(text)) return { fault: `must be an absolute URL of ${MAX_LENGTH} characters at most` }
  const url = new URL(text)
  const fault = faultOf(url)
  if (fault !== undefined) return { fault }
  if (allowed.some(origin => isOf(url, origin))) return { url, isAllowed: true }
  const refusal = refusalOf(url)
  return refusal === undefined ? { url, isAllowed: false } : { fault: `${refusal}, unless IRIS_WEBHOOK_ALLOW names its origin` }
}

/** What no configuration allows. */
function faultOf ({ protocol, hostname, username, password, hash }: URL): string | undefined {
  if (!(protocol in defaultPorts)) return 'must be an https URL'
  if (username + password !== '') return 'must not hold a user name or a password'
  if (hash !== '') return 'must not hold a fragment'
  return hostname.endsWith('.') ? 'must name a host without a dot at its end' : undefined
}

function isOf (url: URL, { protocol, hostname, port }: AllowedOrigin): boolean {
  return url.protocol === protocol && url.hostname === hostname && (port === '' || portOf(url) === port)
}

const portOf = ({ protocol, port }: URL) => port === '' ? defaultPorts[protocol] : port

function refusalOf (url: URL): string | undefined {
  const { protocol, hostname } = url
  if (protocol !== 'https:') return 'must be an https URL'
  if (portOf(url) !== '443' && Number(portOf(url)) < LEAST_PORT) return `must be of port 443, or of one from ${LEAST_PORT} on`
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0) return isPublic(address) ? undefined : 'must not lead to a private or reserved address'
  return !hostname.includes('.') || inner.test(hostname) ? 'must name a public host' : undefined
}

/** @returns whether an address belongs to the public internet: one of IPv4 that stands in one of IPv6 does not. */
export function isPublic (address: string): boolean {
  if (isIP(address) === 0 || ofHosts.has(address)) return false
  const ip = ipaddr.parse(address)
  return ip.range() === 'unicast' && (ip instanceof ipaddr.IPv4 || ip.match(globalUnicast))
}
