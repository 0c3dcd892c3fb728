// Events as JSON, one line each: an item of a long-poll, a frame of a WebSocket. docs/protocol.md section 4.
import type { Frame } from '../stream/render.js'

/**
 * A frame as `{"event","id","data"}`; one that only moves the cursor is `{"id"}`. [ATTACH-4]
 * @returns a line: JSON holds no line break, so lines that the pump has joined can be parted again.
 */
export function jsonLine ({ event, id, data }: Frame): string {
  const members = [
    ...(event === undefined ? [] : [`"event":"${event}"`]),
    ...(id === undefined ? [] : [`"id":"${id}"`]),
    ...(event === undefined ? [] : [`"data":${data ?? 'null'}`])
  ]
  return `{${members.join(',')}}\n`
}

/** @returns the frames of a text that `jsonLine` made. */
export const framesOf = (text: string): string[] => text.split('\n').slice(0, -1)
