// A client for the cost table: one request at a time, its answer read whole; streams that stay open until they are let go.
import type { Iris } from '../iris.js'

/** Makes a client of a measured Iris. What is refused throws: it would measure nothing. */
export function createClient ({ url, api, token }: Iris) {
  const tokens = new Map<string, string>()
  const streams: AbortController[] = []

  async function authorization (userId: string): Promise<string> {
    const known = tokens.get(userId) ?? await token(userId)
    tokens.set(userId, known)
    return `Bearer ${known}`
  }

  async function ask (userId: string, path: string, init: RequestInit = {}): Promise<unknown> {
    const headers = { authorization: await authorization(userId), ...(init.body !== undefined && { 'content-type': 'application/json' }) }
    const response = await fetch(url + path, { ...init, headers })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${path}: ${text}`)
    return JSON.parse(text)
  }

  return {
    api,
    get: (userId: string, path: string) => ask(userId, path),
    post: (userId: string, path: string, body: unknown) => ask(userId, path, { method: 'POST', body: JSON.stringify(body) }),

    /** Attaches a stream and reads it until READY. @returns the cursor there. */
    async attach (userId: string, query: string): Promise<string> {
      const stream = new AbortController()
      streams.push(stream)
      const response = await fetch(`${url}/v1/down/events?${query}`, {
        headers: { authorization: await authorization(userId) },
        signal: stream.signal
      })
      let text = ''
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk as Uint8Array, { stream: true })
        const [, cursor] = /id: (\S+)\ndata: [^\n]*"IRIS\.READY"/.exec(text) ?? []
        if (cursor !== undefined) return cursor
      }
      throw new Error(`no READY: ${text}`)
    },

    /** Lets go of all streams. */
    async end (): Promise<void> { for (const stream of streams.splice(0)) stream.abort() },

    group: (id: string, members: string[]) =>
      api('PUT', `conversations/${id}`, { members: members.map(userId => ({ userId, role: 'member' })) })
  }
}

export type Client = ReturnType<typeof createClient>
