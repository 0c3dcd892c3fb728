// Frames as text, for each transport. docs/protocol.md section 4.
import type { Frame } from '../stream/render.js'
import { bytesOf } from './bytes.js'

/**
 * A frame as Server-Sent Events (WHATWG HTML, 9.2): `event:`, `id:`, one line of `data:`. Data is JSON, which holds no line
 * break. A frame that only moves the cursor is `id:` alone: a browser remembers it and dispatches nothing. [ATTACH-4]
 * @returns bytes.
 */
export function sseText ({ event, id, data = '' }: Frame): string {
  if (event === undefined) return `id: ${id ?? ''}\n\n`
  return id === undefined ? `event: ${event}\ndata: ${bytesOf(data)}\n\n` : `event: ${event}\nid: ${id}\ndata: ${bytesOf(data)}\n\n`
}

/** A comment: says that the stream lives. */
export const sseComment = ':\n\n'

/** @returns `retry:`; of 2 to 5 s unless it is given, jittered, so that a restart does not bring everybody back at once. */
export function sseRetry (ms = 2000 + Math.floor(Math.random() * 3000)): string {
  return `retry: ${ms}\n\n`
}
