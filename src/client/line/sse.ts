// Server-Sent Events by fetch: headers, so no ticket; what buffers is seen, and every refusal is read.
import { notIris } from '../base/error.js'
import type { Frame } from '../base/wire.js'
import type { Transport } from './transport.js'

export const sse: Transport = async ({ pathOf, calls, heard, frame }, signal) => {
  const response = await calls.open([pathOf('/v1/down/events'), undefined, signal])
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader()
  if (!reader || !response.headers.get('Content-Type')?.includes('event-stream')) throw notIris(response, { retryable: false })
  const decoder = new TextDecoder()
  const feed = createParser(frame)
  for (;;) {
    const { done, value } = await reader.read()
    if (done || signal.aborted) return
    heard()
    feed(decoder.decode(value, { stream: true }))
  }
}

/** Makes the parser of the stream: `feed(text)` calls `frame` for each event, and for each id that stands alone. [ATTACH-4] */
function createParser (frame: (read: () => Frame) => void) {
  let rest = ''
  let fields: Partial<Record<string, string>> = {}

  return function feed (text: string): void {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, name = '', value = ''] = /^(\w+): ?([^]*)$/.exec(line) ?? []
      if (line.trim() !== '') fields[name] = value
      else {
        const { event, id, data } = fields
        if (data) frame(() => ({ event, id, data: JSON.parse(data) as Record<string, unknown> }))
        else if (id) frame(() => ({ id }))
        fields = {}
      }
    }
  }
}
