// Frames that were collected for an answer, and leave a while after they were made: as they must be sent then. [DOWN-2]
import type { Memory } from '../stream/feed.js'
import type { Frame, Renderer, Viewer } from '../stream/render.js'

interface Floor {
  memory: Pick<Memory, 'proven'>
  renderer: Pick<Renderer, 'still'>
  /** Looks again in the store at frames that were collected. */
  recheck (frames: Frame[], viewer: Viewer): Promise<void>
}

/** Makes what looks at collected frames once more. */
export function createCollected ({ renderer, memory, recheck }: Floor) {
  return {
    /**
     * Makes sure of frames that were collected from `since` on: of what was recalled elsewhere meanwhile.
     * Throws when the store does not answer.
     */
    async ensure (frames: Frame[], viewer: Viewer, since: number): Promise<void> {
      if (frames.length > 0 && !await memory.proven(since)) await recheck(frames, viewer)
    },

    /** @returns frames that were collected a while ago, as they must be sent now. [DOWN-2] */
    still: (frames: Frame[], viewer: Viewer): Frame[] => frames.flatMap(frame => renderer.still(frame, viewer) ?? [])
  }
}
