// A gateway without a socket, which says to a client what a test tells it to.
import type { Options, TransportName } from '../../src/client/index.js'
import type { Frame } from '../../src/client/base/wire.js'
import { type ErrorCode, errors } from '../../src/protocol/errors.js'

/** What is a token to the client: it reads whose it is, and its end, a time of the server. */
export const tokenFor = (sub: string, endsAt = 4e12) =>
  `e30.${Buffer.from(JSON.stringify({ sub, exp: endsAt / 1000 })).toString('base64url')}.e30`

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })

/** A refusal, as the table of errors has it. */
export function refusal (code: ErrorCode, headers?: Record<string, string>): Response {
  const { status, title, retryable } = errors[code]
  return json({ code, title, status, retryable, traceId: 't-1' }, status, headers)
}

/** A frame as Server-Sent Events have it. */
const textOf = ({ event, id, data }: Frame): string =>
  (event ? `event: ${event}\n` : ':\n') + (id ? `id: ${id}\n` : '') + (data ? `data: ${JSON.stringify(data)}\n` : '') + '\n'

interface Line { way: TransportName, query: URLSearchParams, say (...frames: Frame[]): void, end (): void, isOver (): boolean }
interface Request { path: string, body: Record<string, unknown>, token: string, terminalId: string, url: string }
type Answer = (request: Request) => Response | Promise<Response>

/** The gateway: `lines` that were opened, `requests` of all kinds, `answers` by their paths; `iris` and `options` are for a client. */
export function createScripted () {
  const lines: Line[] = []
  const requests: Request[] = []
  const answers = new Map<string, Answer>()
  const facts = { aheadMs: 0, isSilent: false, url: 'http://gateway.example', end: 0 }
  const serverTime = () => Date.now() + facts.aheadMs

  const cmd = (name: string, data: object, id?: string): Frame =>
    ({ event: 'CMD_DOWN', id, data: { cmdId: `k-${name}`, op: 'do', name, data, needComplete: false, ts: serverTime() } })

  /** A way is open: HELLO and READY are said. */
  function begin (line: Line): void {
    lines.push(line)
    if (facts.isSilent) return
    const beat = setInterval(() => line.isOver() ? clearInterval(beat) : line.say({}), 15_000)
    const recovered = line.query.has('lastEventId') || undefined
    line.say(cmd('IRIS.HELLO', { terminalId: 't', recovered, replay: 0, cursor: `1-${facts.end}`, serverTime: serverTime() }))
    line.say(cmd('IRIS.READY', {}, `1-${facts.end}`))
  }

  function events (query: URLSearchParams, signal?: AbortSignal | null): Response {
    let isOver = false
    const body = new ReadableStream<Uint8Array>({
      start (controller) {
        const close = (act: () => void) => {
          if (isOver) return
          isOver = true
          act()
        }
        signal?.addEventListener('abort', () => close(() => controller.error(signal.reason)))
        begin({
          way: 'sse',
          query,
          say: (...frames) => { if (!isOver) controller.enqueue(Buffer.from(frames.map(textOf).join(''))) },
          end: () => close(() => controller.close()),
          isOver: () => isOver
        })
      }
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }

  function poll (query: URLSearchParams): Response | Promise<Response> {
    if (query.get('timeoutMs') !== '0') return new Promise(() => undefined)
    lines.push({ way: 'poll', query, say: () => undefined, end: () => undefined, isOver: () => false })
    const recovered = query.has('lastEventId') || undefined
    return json({ recovered, ready: {}, events: [], cursor: `1-${facts.end}`, more: false })
  }

  async function answer (request: Request, { signal }: RequestInit): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const own = answers.get(request.path)
    if (own) return await own(request)
    if (request.path === '/v1/down/events') return events(searchParams, signal)
    if (request.path === '/v1/down/poll') return await poll(searchParams)
    if (request.path === '/v1/down/tickets') return json({ ticket: 'ticket', expiresAt: serverTime() + 60_000, expiresIn: 60 })
    if (request.path === '/v1/time') return json({ serverTime: serverTime() })
    if (request.path === '/v1/up/msg') {
      const { clientMsgId } = request.body
      return json({ clientMsgId, conversationId: 'dm.alice.bob', seq: ++facts.end, msgId: `m-${facts.end}`, epoch: '1', ts: serverTime() })
    }
    return json({})
  }

  const fetch: NonNullable<Options['fetch']> = async (input, init = {}) => {
    const url = new Request(input, { headers: init.headers ?? {} })
    const path = url.url.replace(facts.url, '').replace(/\?.*/, '')
    const body = JSON.parse(init.body as string | undefined ?? '{}') as Request['body']
    const [token = '', terminalId = ''] = [url.headers.get('Authorization')?.slice(7), url.headers.get('Terminal-Id') ?? undefined]
    const request = { url: url.url, path, body, token, terminalId }
    requests.push(request)
    const response = await Promise.race([answer(request, init), new Promise<never>((_resolve, reject) => {
      const { signal } = init
      if (signal?.aborted) reject(signal.reason as Error)
      else signal?.addEventListener('abort', () => reject(signal.reason as Error))
    })])
    response.headers.set('Date', new Date(serverTime()).toUTCString())
    response.headers.set('Trace-Id', 't-1')
    return response
  }

  /** What both classes of the browser's have. */
  class Source {
    isOver = false
    onclose: (() => void) | null = null
    onerror: (() => void) | null = null
    onopen = null
    onmessage: ((event: { data: string }) => void) | null = null
    listeners = new Map<string, (event: object) => void>()
    lastEventId = ''

    constructor (url: string) {
      const { searchParams, protocol } = new URL(url)
      const way = protocol === 'ws:' ? 'websocket' : 'eventsource'
      const say = (...frames: Frame[]) => frames.forEach(frame => this.say(frame))
      queueMicrotask(() => begin({ way, query: searchParams, say, end: () => this.end(), isOver: () => this.isOver }))
    }

    say ({ event = '', id, data }: Frame): void {
      if (this.isOver) return
      this.lastEventId = id ?? this.lastEventId
      this.onmessage?.({ data: JSON.stringify({ ...(event && { event }), id, data }) })
      this.listeners.get(event)?.({ data: JSON.stringify(data), lastEventId: this.lastEventId })
    }

    end (): void {
      this.isOver = true
      this.onclose?.()
      this.onerror?.()
    }

    addEventListener (event: string, listener: (event: object) => void): void { this.listeners.set(event, listener) }
    close (): void { this.isOver = true }
  }

  return {
    lines,
    requests,
    answers,
    facts,
    cmd,
    iris: { url: facts.url, token: async (userId: string) => tokenFor(userId) },
    /** The last that was opened; it tells the client something. */
    say: (...frames: Frame[]) => lines.at(-1)?.say(...frames),
    /** What was sent to an address. */
    to: (path: string) => requests.filter(request => request.path === path),
    options: { url: facts.url, fetch, WebSocket: Source, EventSource: Source, storage: false, share: false } satisfies Partial<Options>
  }
}
export type Scripted = ReturnType<typeof createScripted>
