// Reads Redis' protocol (RESP3) as it goes by: where one frame ends and the next begins, in both directions.

const CR = 13

/** Cuts a row of chunks into whole frames. @returns `push(chunk)`: the frames that are whole now. */
export function createFrames () {
  let rest: Buffer = Buffer.alloc(0)
  return {
    push (chunk: Buffer): Buffer[] {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
      const frames: Buffer[] = []
      for (let end = endOf(rest, 0); end > 0; end = endOf(rest, 0)) {
        frames.push(rest.subarray(0, end))
        rest = rest.subarray(end)
      }
      return frames
    }
  }
}

/** @returns where the frame at `at` ends; 0 when it is not whole. */
function endOf (bytes: Buffer, at: number): number {
  const line = bytes.indexOf(CR, at)
  if (line < 0 || line + 1 >= bytes.length) return 0
  const type = String.fromCharCode(bytes[at] as number)
  const count = Number(bytes.toString('latin1', at + 1, line))
  const body = line + 2
  if ('$=!'.includes(type)) return count < 0 ? body : body + count + 2 <= bytes.length ? body + count + 2 : 0
  if ('*~>'.includes(type)) return endOfMany(bytes, body, count)
  // an attribute stands before the value that it belongs to
  if (type === '%' || type === '|') return endOfMany(bytes, body, 2 * count + (type === '|' ? 1 : 0))
  return body
}

function endOfMany (bytes: Buffer, from: number, count: number): number {
  let at = from
  for (let i = 0; i < count; i++) {
    at = endOf(bytes, at)
    if (at === 0) return 0
  }
  return at
}

/** @returns the first words of a command; none of what is no command. */
export function wordsOf (frame: Buffer, count = 2): string[] {
  const lines = frame.toString('latin1', 0, 256).split('\r\n')
  return lines[0]?.startsWith('*') ? Array.from({ length: count }, (_, i) => lines[2 + 2 * i] ?? '') : []
}

/** @returns whether a frame is out of the row of answers: what a subscription brings. */
export const isPush = (frame: Buffer) => frame[0] === '>'.charCodeAt(0)
