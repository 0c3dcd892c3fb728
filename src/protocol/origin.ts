// Origins of browsers, spelled in one way, so that two spellings of one origin are equal. RFC 6454, sections 4 and 6.2.

import { Problem } from './problem.js'

/** What was compared, as far as it is said. */
export interface Compared { origin: string, host: string }

/**
 * Compares the origin of a page with that of the host that it asked for, by http or https (TLS may end in front of Iris), and with those
 * that are allowed.
 * @returns what was compared when it is none of them; undefined when it may come.
 */
export function strangerOf ({ origin, host }: Compared, allowed: string[]): Compared | undefined {
  const meant = originOf(origin)
  if (meant !== undefined && [...allowed, originOf(`http://${host}`), originOf(`https://${host}`)].includes(meant)) return undefined
  return { origin: origin.slice(0, 200), host: host.slice(0, 200) }
}

/** @returns ORIGIN_NOT_ALLOWED, which says what was compared. */
export function originProblem ({ origin, host }: Compared): Problem {
  return new Problem('ORIGIN_NOT_ALLOWED', {
    detail: `The origin ${origin} is neither that of the host ${host} nor one of IRIS_ALLOWED_ORIGINS`
  })
}

/**
 * @param text what a header or the configuration says.
 * @returns the origin in the spelling that browsers send: lower case, punycode, without a default port. undefined when the
 *   text is anything but `scheme://host[:port]`: a path, a wildcard, a user name, `null`.
 */
export function originOf (text: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\*,]+$/i.test(text) || !URL.canParse(text)) return undefined
  const { protocol, hostname, origin } = new URL(text)
  if (hostname === '') return undefined
  // schemes of applications (`capacitor:`, `tauri:`) have no origin for the URL standard, but browsers' views send one
  return origin === 'null' ? `${protocol}//${text.slice(text.indexOf('//') + 2).toLowerCase()}` : origin
}
