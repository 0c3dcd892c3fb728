// RFC 6455 as far as a load generator needs it.

export const TEXT = 0x81
export const PING = 0x89
export const PONG = 0x8a

/** @returns a client's frame as latin1. It is masked with zeros, which change nothing: nobody here needs to be fooled. */
export function frameOf (kind: number, payload: string): string {
  const size = payload.length < 126 ? [0x80 + payload.length] : [0x80 + 126, payload.length >> 8, payload.length & 255]
  return String.fromCharCode(kind, ...size, 0, 0, 0, 0) + payload
}

/** Calls back with each whole frame of a server. @returns what is left: the beginning of the next one. */
export function readFrames (text: string, onFrame: (kind: number, payload: string) => void): string {
  let from = 0
  while (text.length - from >= 2) {
    const short = text.charCodeAt(from + 1)
    if (short === 127) throw new Error('a frame of 64 KiB or more: no message of the bench is so long')
    const start = from + (short < 126 ? 2 : 4)
    if (text.length < start) break
    const end = start + (short < 126 ? short : text.charCodeAt(from + 2) * 256 + text.charCodeAt(from + 3))
    if (text.length < end) break
    onFrame(text.charCodeAt(from), text.slice(start, end))
    from = end
  }
  return text.slice(from)
}

/** The head of a request that opens a WebSocket, without its first line, host and end. */
export const UPGRADE = [
  'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', ''
].join('\r\n')
