// The frames of a WebSocket that is held by hand: pings are answered, or a gateway would end it itself. RFC 6455 5.2
import type { Duplex } from 'node:stream'

/** No frame of a gateway is as large. */
const MOST_BYTES = 16 * 1024 * 1024
const CLOSE = 0x8
const PING = 0x9
/** A pong, masked as what a client sends must be; by nothing, since there is nothing to hide. */
const pong = (payload: Buffer) => Buffer.concat([Buffer.from([0x8a, 0x80 | payload.length, 0, 0, 0, 0]), payload])

/** @returns the first frame of what has come; undefined while it is not there wholly. */
function firstOf (bytes: Buffer) {
  const short = (bytes[1] ?? 0) & 0x7f
  const start = short === 126 ? 4 : short === 127 ? 10 : 2
  if (bytes.length < start) return undefined
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
  const end = start + length
  return bytes.length < end ? undefined : { opcode: bytes.readUInt8(0) & 0xf, payload: bytes.subarray(start, end), end }
}

/**
 * Reads what comes, and answers pings.
 * @param head what came with the answer of the upgrade.
 * @returns `heard`: something has come; `ended`: it is over, by the code that the other side closed it with, or undefined: it was cut.
 */
export function readFrames (socket: Duplex, head: Buffer = Buffer.alloc(0)) {
  const heard = Promise.withResolvers<true>()
  const ended = Promise.withResolvers<number | undefined>()
  let bytes = head

  function read (): void {
    for (let frame = firstOf(bytes); frame; frame = firstOf(bytes)) {
      const { opcode, payload, end } = frame
      bytes = bytes.subarray(end)
      if (opcode === PING) socket.write(pong(payload))
      if (opcode === CLOSE) ended.resolve(payload.length < 2 ? undefined : payload.readUInt16BE(0))
      heard.resolve(true)
    }
    if (bytes.length > MOST_BYTES) socket.destroy()
  }

  socket.on('error', () => undefined).on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    read()
  })
  for (const event of ['end', 'close']) socket.once(event, () => ended.resolve(undefined))
  read()
  return { heard: heard.promise, ended: ended.promise }
}
