// A WebSocket reader for tests, of the same shape as the one of Server-Sent Events; it can also send commands up.
import { WebSocket } from 'ws'
import { createInbox } from './inbox.js'
import type { SseEvent } from './sse.js'

type Answer = Record<string, unknown> & { data?: Record<string, unknown>, error?: Record<string, unknown> & { code?: string } }

interface Options { headers?: Record<string, string>, protocols?: string[], onEvent? (event: SseEvent): void }

/**
 * Opens a WebSocket. Throws an Error with `status` and `body` when the upgrade is refused.
 * @returns as `openSse`; `up(name, body)` sends a command and resolves with its answer, `closeCode` is that of the server's close.
 */
export async function openWs (url: string, { headers = {}, protocols = ['iris.v1'], onEvent }: Options = {}) {
  const inbox = createInbox()
  const answers = new Map<string | null, (answer: Answer) => void>()
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, { headers })
  let closeCode: number | undefined
  let requests = 0
  socket.on('message', data => {
    const frame = JSON.parse((data as Buffer).toString()) as Answer & { requestId?: string | null, event?: string }
    if (frame.requestId !== undefined) return answers.get(frame.requestId)?.(frame)
    const event = { ...frame, data: frame.data ?? {} }
    inbox.add(event)
    onEvent?.(event)
  })
  socket.on('close', code => {
    closeCode = code
    inbox.finish()
  })
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve).on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => { text += chunk.toString() }).on('end', () => {
        reject(Object.assign(new Error(text), { status: response.statusCode, body: text ? JSON.parse(text) as unknown : undefined }))
      })
    })
  })
  socket.on('error', () => undefined)

  return {
    socket,
    events: inbox.events,
    ended: inbox.ended,
    get cursor () { return inbox.cursor },
    get isOver () { return inbox.isOver },
    get closeCode () { return closeCode },
    next: inbox.next,
    /** Sends a command; a frame that is not even JSON may be given as text, its answer has the `requestId` null. */
    async up (name: string, body: unknown, requestId: string | null = `r-${++requests}`, frame?: string): Promise<Answer> {
      const answer = new Promise<Answer>(resolve => answers.set(requestId, resolve))
      socket.send(frame ?? JSON.stringify({ up: name, requestId, body }))
      return await answer
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    async cut (): Promise<void> {
      socket.terminate()
      await inbox.ended
    }
  }
}
