// A reader of Server-Sent Events for tests: it keeps every event, and cuts the connection where a test wants it.
import http from 'node:http'
import https from 'node:https'
import type { IncomingMessage } from 'node:http'
import { createInbox } from './inbox.js'

/** An event as a client sees it; `event` is absent for a block that only moves the cursor. */
export interface SseEvent { event?: string, id?: string, data: Record<string, unknown> & { name?: string, data?: Record<string, unknown> } }

interface Options { headers?: Record<string, string>, cutAfterBytes?: number, onEvent? (event: SseEvent): void }

/**
 * Opens a stream.
 * @param cutAfterBytes cuts the connection when so many bytes of the body have come: mid-frame, if it happens so.
 * @param onEvent called with each event as it comes.
 * @returns `next(matcher)` waits for the next event that fits and skips others; `cursor` is the last id seen.
 */
export async function openSse (url: string, { headers = {}, cutAfterBytes = Infinity, onEvent }: Options = {}) {
  const inbox = createInbox()
  let rest = ''
  let bytes = 0
  let comments = 0

  const request = (url.startsWith('https:') ? https : http).get(url, { headers, agent: false })
  const response = await new Promise<IncomingMessage>((resolve, reject) => request.on('response', resolve).on('error', reject))
  const finish = () => inbox.finish(response.statusCode === 200 ? '' : `${response.statusCode} ${rest}`)
  request.on('error', finish)
  response.setEncoding('utf8')
  response.on('data', take).on('close', finish).on('error', finish)

  function take (chunk: string): void {
    const room = cutAfterBytes - bytes
    bytes += Buffer.byteLength(chunk)
    rest += room < chunk.length ? chunk.slice(0, Math.max(0, room)) : chunk
    for (let at = rest.indexOf('\n\n'); at >= 0; at = rest.indexOf('\n\n')) {
      accept(rest.slice(0, at))
      rest = rest.slice(at + 2)
    }
    if (bytes >= cutAfterBytes) request.destroy()
  }

  function accept (block: string): void {
    const event: SseEvent = { data: {} }
    let isEvent = false
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) comments++
      if (line.startsWith('event: ')) isEvent = Boolean(event.event = line.slice(7))
      if (line.startsWith('id: ')) isEvent = Boolean(event.id = line.slice(4))
      if (line.startsWith('data: ')) event.data = JSON.parse(line.slice(6)) as SseEvent['data']
    }
    if (!isEvent) return
    inbox.add(event)
    onEvent?.(event)
  }

  return {
    status: response.statusCode,
    headers: response.headers,
    events: inbox.events,
    ended: inbox.ended,
    get cursor () { return inbox.cursor },
    get bytes () { return bytes },
    get comments () { return comments },
    get isOver () { return inbox.isOver },
    next: inbox.next,

    /** Stops reading: the server's socket fills up. */
    pause: () => response.pause(),
    resume: () => response.resume(),

    /** Cuts the connection without a goodbye. */
    async cut (): Promise<void> {
      request.destroy()
      await inbox.ended
    }
  }
}

export type Stream = Awaited<ReturnType<typeof openSse>>

/**
 * Where the ids of a stream break [ATTACH-4]: they rise by exactly one from the cursor, READY repeats the position.
 * @returns undefined when they do not.
 */
export function brokenIds (events: SseEvent[], cursor: string): string | undefined {
  const [epoch, first] = cursor.split('-')
  let seq = Number(first)
  for (const { id, data } of events) {
    if (id === undefined) continue
    const isReady = data.name === 'IRIS.READY'
    if (id !== `${epoch}-${isReady ? seq : seq + 1}`) return `after ${epoch}-${seq} came ${id}`
    if (!isReady) seq++
  }
  return undefined
}

/** The seqs of a conversation's messages, in the order in which a stream brought them. */
export function seqsOf (events: SseEvent[], conversationId: string): number[] {
  return events.filter(({ event, data }) => (event === 'MSG_DOWN' || event === 'ACK_DOWN') && data['conversationId'] === conversationId)
    .map(({ data }) => Number(data['seq']))
}

/** 1 to `n`. */
export const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
