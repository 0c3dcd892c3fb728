// What went over the wire, kept for the panel: the last 200 frames, tokens and tickets masked.

const LIMIT = 200
const SECRETS = new Set(['token', 'ticket'])

/** A copy of a JSON value without its secrets. */
export function masked (value) {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value, (key, inner) => SECRETS.has(key) ? '••••' : inner))
}

/**
 * Makes the record of one terminal's frames, the newest first.
 * @returns `list`, `add({ direction, title, id?, traceId?, note?, failed?, body? })` and `clear()`.
 */
export function createFrames (changed) {
  const list = []
  let count = 0
  return {
    list,
    add (frame) {
      list.unshift({ ...frame, number: ++count, at: new Date(), body: masked(frame.body) })
      list.length = Math.min(list.length, LIMIT)
      changed()
    },
    clear () {
      list.length = 0
      changed()
    }
  }
}
