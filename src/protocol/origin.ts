// Origins of browsers, spelled in one way, so that two spellings of one origin are equal. RFC 6454, sections 4 and 6.2.

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
