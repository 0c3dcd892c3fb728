// Prints entries in order, each once, until the socket is full or the stream breaks off. [ATTACH-4] [SLOW-1]
import type { Source } from '../protocol/events.js'
import type { Position } from '../protocol/ids.js'
import { isOfEpoch, type Item } from '../store/user/entry.js'
import type { Print } from './jobs.js'
import type { Opening, Printer } from './opening.js'
import type { Outlet } from './outlet.js'
import type { Printing } from './prints.js'
import type { Renderer } from './render.js'

/** Frames are joined into writes of about this size: one system call instead of many. */
const WRITE_CHARS = 32 * 1024

/** For whom, by whom and through what is printed. */
interface Press extends Printing { opening: Opening, renderer: Renderer, outlet: Outlet, isLive: boolean }

interface Printed { seq: number, outcome: 'room' | 'full' | 'broken' | 'reborn' }

/**
 * Prints the items that follow a position.
 * @returns the number reached, and whether there is room for more; nothing was printed behind an entry that is missing:
 *   `broken`: it was trimmed while this reader lagged; `reborn`: what follows is of another stream. The next
 *   attach says so by RESET, never a silent gap.
 */
export function printItems (items: readonly Item[], position: Position, press: Press): Printed {
  const printed = print(items, position, press)
  if (printed.seq > position.seq) press.prints.note(press.opening, position, printed.seq)
  return printed
}

function print (items: readonly Item[], { epoch, seq }: Position, { opening, renderer, outlet, isLive }: Press): Printed {
  const { printer } = opening
  const source: Source = isLive ? 'live' : 'replay'
  let text = ''
  for (const item of items) {
    if (item.seq !== seq + 1 || !isOfEpoch(item.id, epoch)) {
      if (text) outlet.write(text)
      return { seq, outcome: isOfEpoch(item.id, epoch) ? 'broken' : 'reborn' }
    }
    const frame = { ...renderer.entry(item, opening, source), id: item.id }
    if (printer.fits && !printer.fits(frame)) {
      if (text) outlet.write(text)
      return { seq, outcome: 'full' }
    }
    text += printer.format(frame)
    seq = item.seq
    if (text.length <= WRITE_CHARS) continue
    outlet.write(text)
    text = ''
    if (!outlet.hasRoom()) return { seq, outcome: 'full' }
  }
  if (text) outlet.write(text)
  return { seq, outcome: outlet.hasRoom() ? 'room' : 'full' }
}

/** Prints what a job offers, in one write. */
export function printJob (print: Print, printer: Printer, outlet: Outlet): void {
  let text = ''
  print(frame => {
    if (printer.fits && !printer.fits(frame)) return false
    text += printer.format(frame)
    return true
  })
  if (text) outlet.write(text)
}
