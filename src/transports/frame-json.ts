// Events as JSON: an item of a long-poll, a frame of a WebSocket. docs/protocol.md section 4.
import type { Frame } from '../stream/render.js'
import { bytesOf } from './bytes.js'

/** @returns a frame as `{"event","id","data"}`; one that only moves the cursor is `{"id"}`. [ATTACH-4] */
export function jsonFrame ({ event, id, data = 'null' }: Frame): string {
  if (event === undefined) return `{"id":"${id ?? ''}"}`
  return id === undefined ? `{"event":"${event}","data":${data}}` : `{"event":"${event}","id":"${id}","data":${data}}`
}

/** @returns a frame as a text message of a WebSocket, in bytes. */
export function webSocketFrame ({ data = 'null', ...frame }: Frame): string {
  return webSocketText(jsonFrame({ ...frame, data: bytesOf(data) }))
}

/** A final frame of text, which servers do not mask. RFC 6455 5.2 */
const TEXT = 0x81

/** @returns a message of a WebSocket that holds these bytes, in bytes. */
export function webSocketText (bytes: string): string {
  const { length } = bytes
  if (length < 126) return String.fromCharCode(TEXT, length) + bytes
  if (length < 65_536) return String.fromCharCode(TEXT, 126, length >> 8, length & 255) + bytes
  return String.fromCharCode(TEXT, 127, 0, 0, 0, 0, length >>> 24, length >> 16 & 255, length >> 8 & 255, length & 255) + bytes
}
