// What happens to a page: shown and hidden, frozen and thawed, online again.
import { world } from '../base/platform.js'

interface Parts {
  /** It is shown or hidden. */
  onShown (): unknown
  /** Something has happened after which a connection may be dead though nobody said so; `online`: by another network, as it seems. */
  onWake (isOther?: boolean): void
  /** Nothing runs here until `onThaw`. */
  onFreeze (): void
  onThaw (): void
}

/** Watches a page, where this is one, until `ended`. */
export function watchLife (ended: AbortSignal, { onShown, onWake, onFreeze, onThaw }: Parts): void {
  const { document } = world
  if (!document) return
  const shown = () => {
    onShown()
    onWake()
  }
  const pairs = [
    [document, 'visibilitychange', shown], [document, 'freeze', onFreeze], [document, 'resume', onThaw],
    [world, 'online', () => onWake(true)], [world, 'pagehide', onFreeze], [world, 'pageshow', onThaw]
  ] as const
  for (const [target, type, listener] of pairs) target.addEventListener?.(type, listener, { signal: ended })
}
