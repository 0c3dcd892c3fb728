// A user's list of conversations, whoever asks for it: he himself, or the application. [REST-3] [SERVER-2]
import type { Context } from './context.js'

/** @returns a page, most recent first, with all that he has not read; what was recalled meanwhile is shown as it is now. */
export async function listingOf (
  userId: string, { after, limit = 30 }: { after?: string, limit?: number }, { lists, deliver }: Pick<Context, 'lists' | 'deliver'>
) {
  const [page, totalUnread] = await Promise.all([lists.page(userId, { after, limit }), lists.totalUnread(userId)])
  return {
    ...page,
    items: page.items.map(({ lastMsg, ...row }) => ({ ...row, lastMsg: lastMsg && deliver.shown(lastMsg) })),
    totalUnread
  }
}
