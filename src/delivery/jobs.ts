// What a connection prints beside its stream: unread messages, pending items, pages of history. Bodies are read when
// there is room to print them, so that a slow reader costs no memory and a recalled text is not printed. [SLOW-1] [DOWN-2]
import type { Source } from '../protocol/events.js'
import type { Position } from '../protocol/ids.js'
import type { createBoxes, Pending } from '../store/boxes.js'
import type { createConversations } from '../store/conversation.js'
import type { BoxName } from '../store/keys.js'
import type { Unread } from '../store/unread.js'
import { readable } from '../store/readable.js'
import type { Frame, Renderer, Viewer } from './render.js'

/** Few enough that a chunk of the largest messages stays below the bound of SLOW-1. */
const CHUNK = 16

/** One step: reads what comes next; the frames are made when they are printed. Undefined: nothing is left. */
export type Job = () => Promise<(() => Frame[]) | undefined>

interface Stores {
  conversations: Pick<ReturnType<typeof createConversations>, 'bodies'>
  boxes: Pick<ReturnType<typeof createBoxes>, 'pendingIds' | 'read' | 'countDeliveries' | 'leave'>
  renderer: Renderer
}

const noMessages: Viewer = { userId: '', terminalId: '', platform: '' }

/** Makes the jobs of a node's stores. */
export function createJobs ({ conversations, boxes, renderer }: Stores) {
  async function messages (references: Omit<Unread, 'ts'>[], source: Source): Promise<() => Frame[]> {
    const bodies = await Promise.all(references.map(async ({ conversationId, seq }) => (await conversations.bodies(conversationId, [seq]))[0]))
    return () => references.flatMap(({ conversationId, seq }, i) => {
      const body = bodies[i]
      const frame = renderer.entry({ reference: { kind: 'msg', conversationId, seq }, body: body ? readable(body) : undefined }, noMessages, source)
      return frame ? [frame] : []
    })
  }

  return {
    /** Messages by reference: a mailbox's unread ones, or a page of history, then what `last` makes. [DOWN-3] */
    messages (references: Omit<Unread, 'ts'>[], source: Source, last?: () => Frame): Job {
      let done = 0
      let ended = last === undefined
      return async () => {
        if (done < references.length) {
          const chunk = references.slice(done, done + CHUNK)
          const print = await messages(chunk, source)
          return () => {
            done += chunk.length
            return print()
          }
        }
        if (ended || !last) return undefined
        return () => {
          ended = true
          return [last()]
        }
      }
    },

    /**
     * What is pending in a box for a terminal. [COMPLETE-3] What needs no completion leaves the box when it has been printed. [BOX-1]
     * @param from where the stream begins for this connection; it brings what stands behind by itself.
     */
    pending (box: BoxName, viewer: Viewer, from: Position): Job {
      let ids: string[] | undefined
      let leaving: string[] = []
      const entryOf = ({ id, filter }: Pending, body: string | null) => ({ reference: { kind: 'box' as const, box, id, ...(filter !== undefined && { filter }) }, body })
      return async () => {
        ids ??= await boxes.pendingIds(box, viewer.userId, viewer.terminalId)
        if (leaving.length > 0) await boxes.leave(box, viewer.userId, leaving)
        leaving = []
        if (ids.length === 0) return undefined
        const chunk = ids.slice(0, CHUNK)
        const pending = await boxes.read(box, viewer.userId, chunk)
        const items = pending.filter(item => !isAfter(item.entry, from) && renderer.shows(entryOf(item, item.body), viewer))
        const again = items.filter(({ once }) => !once).map(({ id }) => id)
        const before = await boxes.countDeliveries(box, viewer.userId, again)
        const bodyOf = ({ id, body }: Pending) => withRedelivery(body ?? '', before[again.indexOf(id)] ?? 0)
        return () => {
          ids = ids?.slice(chunk.length)
          leaving = items.filter(({ once }) => once).map(({ id }) => id)
          return items.flatMap(item => renderer.entry(entryOf(item, bodyOf(item)), viewer, 'mailbox') ?? [])
        }
      }
    }
  }
}

export type Jobs = ReturnType<typeof createJobs>

const isAfter = (entry: Position, from: Position) => entry.epoch === from.epoch && entry.seq > from.seq

const withRedelivery = (body: string, redelivery: number) => redelivery > 0 ? `${body.slice(0, -1)},"redelivery":${redelivery}}` : body
