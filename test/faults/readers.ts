// Clients that read: by SSE, long-poll or WebSocket, back from their cursor after every end, and everything they see is kept.
import { setTimeout as pause } from 'node:timers/promises'
import { pollOnce } from '../helper/poll.js'
import { openSse, type SseEvent } from '../helper/sse.js'
import { openWs } from '../helper/ws.js'
import type { Node } from './node.js'
import type { Stretch, Transport } from './record.js'
import type { World } from './world.js'

/** A client is as impatient as a test: what BYE says of pauses is for crowds. */
const PAUSE_MS = 60
const POLL_MS = 1_500

interface Facts {
  userId: string
  terminalId: string
  transport: Transport
  /** The node that it begins at. */
  at?: number
  /** It leaves by itself after so many ms, for the next node. */
  hopMs?: number
}

export type Reader = Awaited<ReturnType<typeof startReader>>

/**
 * Starts a reader.
 * @returns `live()` whether it has seen all that was there; `has(clientMsgId)`; `since()` when its present life began; `leave()`.
 */
export async function startReader (world: World, { userId, terminalId, transport, at = 0, hopMs }: Facts) {
  let token = await world.token(userId)
  let turn = at
  let cursor: string | undefined
  let isLive = false
  let since = performance.now()
  const gone = new AbortController()
  let hangUp: () => void = () => undefined
  const seen = new Set<unknown>()

  function begin (node: Node): Stretch {
    const stretch: Stretch = {
      userId,
      terminalId,
      transport,
      node: node.id,
      began: performance.now(),
      tokenAt: token.at,
      cursor,
      isReset: false,
      isReady: false,
      sights: []
    }
    world.history.stretches.push(stretch)
    return stretch
  }

  function beginAnew (stretch: Stretch): void {
    stretch.isReset = true
    since = performance.now()
  }

  function take (stretch: Stretch, { event, id, data }: SseEvent): void {
    stretch.sights.push({ at: performance.now(), event, id, data })
    if (data.name === 'IRIS.HELLO') stretch.recovered = data.data?.['recovered'] as boolean | undefined
    if (data.name === 'IRIS.RESET') beginAnew(stretch)
    if (data.name === 'IRIS.BYE') stretch.bye = Number(data.data?.['code'])
    if (data.name === 'IRIS.READY') stretch.isReady = isLive = true
    if (id !== undefined) cursor = id
    if (data['clientMsgId'] !== undefined) seen.add(data['clientMsgId'])
  }

  const headers = () => ({ authorization: `Bearer ${token.text}` })
  const query = `terminalId=${terminalId}&platform=web&lease=socket`

  const ways: Record<Transport, (node: Node, stretch: Stretch) => Promise<void>> = {
    async sse (node, stretch) {
      const resume = cursor === undefined ? {} : { 'last-event-id': cursor }
      const stream = await openSse(`${node.url}/v1/down/events?${query}`, {
        headers: { ...headers(), ...resume },
        onEvent: event => take(stretch, event)
      })
      if (stream.status !== 200) stretch.bye = stream.status
      hangUp = () => void stream.cut()
      await stream.ended
    },
    async ws (node, stretch) {
      const resume = cursor === undefined ? '' : `&lastEventId=${cursor}`
      const stream = await openWs(`${node.url}/v1/ws?${query}${resume}`, { headers: headers(), onEvent: event => take(stretch, event) })
      hangUp = () => void stream.cut()
      await stream.ended
    },
    async poll (node, stretch) {
      const ended = new AbortController()
      hangUp = () => ended.abort()
      const { status, body } = await pollOnce(`${node.url}/v1/down/poll?${query}`, {
        headers: headers(),
        cursor,
        query: { timeoutMs: String(isLive ? POLL_MS : 0) },
        signal: AbortSignal.any([ended.signal, AbortSignal.timeout(POLL_MS + 4_000)])
      })
      if (status !== 200) {
        stretch.bye = status
        return
      }
      stretch.recovered = body.recovered
      if (body.reset) beginAnew(stretch)
      stretch.end = body.cursor
      for (const event of body.events) take(stretch, event)
      if (body.ready) stretch.isReady = isLive = true
      cursor = body.cursor
    }
  }

  async function attach (): Promise<void> {
    const node = world.nodes[turn % world.nodes.length] as Node
    const stretch = begin(node)
    const timer = hopMs === undefined ? undefined : setTimeout(() => hangUp(), hopMs)
    await ways[transport](node, stretch).catch((error: unknown) => { stretch.bye ??= (error as { status?: number }).status })
    clearTimeout(timer)
    if (transport === 'poll' && stretch.end !== undefined) return
    isLive = false
    turn++
    // kicked: it comes once more with what it had, which must not work, and only then logs in again
    if ([401, 204, 4301].includes(stretch.bye ?? 0) && stretch.sights.every(({ data }) => data.name?.startsWith('IRIS.'))) {
      token = await world.token(userId)
    }
    await pause(PAUSE_MS)
  }

  const ended = (async () => { while (!gone.signal.aborted && !world.isOver()) await attach() })()
  return {
    userId,
    terminalId,
    live: () => isLive,
    has: (clientMsgId: string) => seen.has(clientMsgId),
    since: () => since,
    /** Cuts the connection; it comes back at the next node. */
    hop: () => hangUp(),
    async leave (): Promise<void> {
      gone.abort()
      hangUp()
      await ended
    }
  }
}
