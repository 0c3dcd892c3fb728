// What the texts of some variables must be.
import { isIP } from 'node:net'
import { isLoopback } from './protocol/loopback.js'

/** The database, if one is named, by its number. What is percent-encoded must be decodable: the client does so. */
export function isRedisUrl (text: string): boolean {
  try {
    const { protocol, hostname: host, pathname, searchParams, username, password } = new URL(text)
    decodeURIComponent(username + password)
    return /^rediss?:$/.test(protocol) && host !== '' && /^\/?\d{0,5}$/.test(pathname) && /^\d{1,5}$/.test(searchParams.get('db') ?? '0')
  } catch {
    return false
  }
}

export function isNetwork (text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return most > 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
}

export function isSafeUrl (url: string): boolean {
  try {
    const { protocol, hostname: host, username, password } = new URL(url)
    if (username + password !== '') return false // fetch refuses such a URL
    return protocol === 'https:' || (protocol === 'http:' && isLoopback(host.replace(/^\[|\]$/g, '')))
  } catch {
    return false
  }
}
