// Text as the bytes that a socket takes.

let last = { text: '', bytes: '' }

/**
 * @returns text as UTF-8, each byte a character: to be written as `latin1`, which copies them. What all readers of a message get is
 *   made once for those who follow one another, and most of it is ASCII, which is its own UTF-8.
 */
export function bytesOf (text: string): string {
  if (text !== last.text) last = { text, bytes: Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1') }
  return last.bytes
}
