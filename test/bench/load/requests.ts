// Requests as text: tokens are signed once for each user, heads are made once for each user and path.
import { createHmac } from 'node:crypto'

/** Makes the requests to a server. */
export function createRequests (port: number, secret: string) {
  const tokens = new Map<string, string>()
  const heads = new Map<string, string>()

  /** A token as an application's own service would sign it (RFC 7519, HS256). */
  function tokenOf (userId: string): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now = Math.floor(Date.now() / 1000)
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: userId, iat: now, exp: now + 7200 })}`
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
  }

  function authorization (userId: string): string {
    const token = tokens.get(userId) ?? tokenOf(userId)
    tokens.set(userId, token)
    return `Host: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n`
  }

  return {
    post (path: string, userId: string, body: string): string {
      let head = heads.get(path + userId)
      if (head === undefined) {
        head = `POST ${path} HTTP/1.1\r\n${authorization(userId)}Content-Type: application/json\r\nContent-Length: `
        heads.set(path + userId, head)
      }
      return `${head}${body.length}\r\n\r\n${body}`
    },

    /** @param headers each with its line end. */
    get: (path: string, userId: string, headers = ''): string => `GET ${path} HTTP/1.1\r\n${authorization(userId)}${headers}\r\n`
  }
}

export type Requests = ReturnType<typeof createRequests>
