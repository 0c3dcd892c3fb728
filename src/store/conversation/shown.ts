// What is shown of a conversation to the application, whoever is in it. docs/protocol.md section 8.
import { numberAt, type StoreContext } from '../life/context.js'
import { isKind, readable, whole } from '../redis/readable.js'

/** The fields of a conversation that are shown, in this order. */
export const shownFields = ['kind', 'title', 'ext', 'epoch', 'headSeq', 'createdAt', 'closedAt'] as const

/** @returns what the `shownFields` of a conversation say; undefined when there is none, or what is there is no conversation. */
export function shownOf (store: Pick<StoreContext, 'life' | 'onUnreadable'>, id: string, values: (string | null)[] | undefined) {
  const [kind, title, ext, epoch, headSeq, createdAt, closed] = values ?? []
  if (kind && !isKind(kind)) store.onUnreadable?.(`CONVERSATION:${id}`)
  if (!isKind(kind)) return undefined
  const [more, closedAt] = [readable(ext ?? ''), whole(closed)]
  return {
    conversationId: id,
    kind,
    ...(title && { title }),
    ...(more !== null && { ext: JSON.parse(more) as Record<string, unknown> }),
    epoch: store.life.epochOf(epoch ?? ''),
    headSeq: numberAt(store, headSeq, `CONVERSATION:${id} headSeq`),
    createdAt: whole(createdAt),
    ...(closedAt && { closedAt })
  }
}
