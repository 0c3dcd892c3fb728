// A long-poll reader for tests, of the same shape as the one of Server-Sent Events: it polls until it is cut.
import { createInbox } from './inbox.js'
import type { Iris } from './iris.js'
import type { SseEvent } from './sse.js'

/** The answer of a poll. */
export interface PollAnswer {
  recovered?: boolean
  reset?: Record<string, unknown>
  ready?: Record<string, unknown>
  events: SseEvent[]
  cursor: string
  more: boolean
  traceId: string
  code?: string
}

/** Polls once. */
export async function pollOnce (url: string, { headers = {}, cursor, query = {}, signal }: {
  headers?: Record<string, string>
  cursor?: string | undefined
  query?: Record<string, string>
  signal?: AbortSignal
} = {}) {
  const search = new URLSearchParams({ ...query, ...(cursor !== undefined && { lastEventId: cursor }) }).toString()
  const response = await fetch(`${url}${url.includes('?') ? '&' : '?'}${search}`, { headers, ...(signal && { signal }) })
  return { status: response.status, headers: response.headers, body: await response.json() as PollAnswer }
}

/**
 * Polls again and again. What the answers say beside events comes as the events of a stream: HELLO, RESET, READY.
 * @param limit events an answer; small ones make many answers.
 */
export async function openPolls (
  url: string, { headers = {}, cursor, limit = 100 }: { headers?: Record<string, string>, cursor?: string | undefined, limit?: number } = {}
) {
  const inbox = createInbox()
  const ended = new AbortController()
  const word = (name: string, data: Record<string, unknown>, id?: string): SseEvent => ({
    event: 'CMD_DOWN', ...(id !== undefined && { id }), data: { name, data }
  })
  if (cursor !== undefined) inbox.cursor = cursor
  let isReady = false

  async function poll (): Promise<void> {
    const { status, body } = await pollOnce(url, {
      headers,
      cursor: inbox.cursor,
      query: { limit: String(limit), timeoutMs: isReady ? '25000' : '0' },
      signal: ended.signal
    })
    if (status !== 200) {
      inbox.add(word('REFUSED', { status, code: body.code }))
      ended.abort()
      return
    }
    if (!isReady) inbox.add(word('IRIS.HELLO', { ...(body.recovered !== undefined && { recovered: body.recovered }) }))
    if (body.reset) inbox.add(word('IRIS.RESET', body.reset))
    for (const event of body.events) inbox.add(event)
    inbox.cursor = body.cursor
    if (!isReady && body.ready) {
      isReady = true
      inbox.add(word('IRIS.READY', body.ready, body.cursor))
    }
  }

  void (async () => {
    while (!ended.signal.aborted) await poll().catch(() => ended.abort())
    inbox.finish()
  })()

  return {
    events: inbox.events,
    ended: inbox.ended,
    get cursor () { return inbox.cursor },
    get isOver () { return inbox.isOver },
    next: inbox.next,
    async cut (): Promise<void> {
      ended.abort()
      await inbox.ended
    }
  }
}

/** How many polls wait at these nodes. */
export async function waitingAt (...nodes: Pick<Iris, 'url' | 'serverKey'>[]): Promise<number> {
  const pages = await Promise.all(nodes.map(async ({ url, serverKey }) =>
    await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${serverKey}` } })).text()))
  return pages.reduce((sum, page) => sum + Number(/^iris_polls_waiting (\d+)$/m.exec(page)?.[1]), 0)
}
