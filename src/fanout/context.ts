// What every operation works with: the products of the factories below, and the definers that are bound to them.
import { definers } from '../protocol/operation.js'
import type { Platform } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { Static } from '@sinclair/typebox'
import type { createAdmission } from '../store/access/admission.js'
import type { createBlocks } from '../store/access/blocks.js'
import type { createBoxes } from '../store/user/boxes.js'
import type { createAcquaintance } from '../store/conversation/acquaintance.js'
import type { createConversations } from '../store/conversation/conversation.js'
import type { Events } from '../store/user/events.js'
import type { Fresh } from '../store/life/fresh.js'
import type { createGroups } from '../store/conversation/groups.js'
import type { Kicks } from '../store/access/kicks.js'
import type { createLists } from '../store/conversation/list.js'
import type { createMarkers } from '../store/conversation/markers.js'
import type { createMembers } from '../store/conversation/members.js'
import type { createOverview } from '../store/conversation/overview.js'
import type { createOnline } from '../store/user/online.js'
import type { createSight } from '../store/conversation/sight.js'
import type { createNotices } from '../store/user/notices.js'
import type { createOnce } from '../store/once/once.js'
import type { Shared } from '../store/user/shared.js'
import type { createTerminals } from '../store/user/terminals.js'
import type { createTickets } from '../store/access/tickets.js'
import type { Before } from './before.js'
import type { Deliver } from './deliver.js'
import type { Everybody } from './everybody.js'
import type { Kicker } from './kick.js'
import type { Remove } from './removal.js'
import type { Reports } from './report.js'
import type { TokenLife } from '../stream/lifetime.js'
import type { Leases } from '../presence/leases.js'
import type { Watch } from '../presence/watch.js'
import type { Webhooks } from '../webhooks/webhooks.js'

export interface Context {
  acquaintance: ReturnType<typeof createAcquaintance>
  conversations: ReturnType<typeof createConversations>
  markers: ReturnType<typeof createMarkers>
  members: ReturnType<typeof createMembers>
  lists: ReturnType<typeof createLists>
  blocks: ReturnType<typeof createBlocks>
  boxes: ReturnType<typeof createBoxes>
  groups: ReturnType<typeof createGroups>
  overview: ReturnType<typeof createOverview>
  sight: ReturnType<typeof createSight>
  online: ReturnType<typeof createOnline>
  notices: ReturnType<typeof createNotices>
  shared: Shared
  everybody: Pick<Everybody, 'look'>
  tickets: ReturnType<typeof createTickets>
  once: ReturnType<typeof createOnce>
  admission: ReturnType<typeof createAdmission>
  /** Asks the application before something of a user's is sent. */
  before: Before
  kicks: Kicks
  kicker: Kicker
  /** Deletes a user. */
  remove: Remove
  deliver: Deliver
  terminals: ReturnType<typeof createTerminals>
  reports: Reports
  leases: Pick<Leases, 'seen'>
  events: Events
  /** What an application is told by itself. */
  webhooks: Pick<Webhooks, 'put' | 'get' | 'list' | 'remove' | 'deadLetters' | 'replay' | 'test'>
  /** Waits for events. */
  watch: Pick<Watch, 'until' | 'hasStopped'>
  /** Asks for what is shown as it was read. [DOWN-2] */
  fresh: Fresh
  limits: Limits
  /** The clock of Redis, as far as it is known: ms since 1970. */
  now (): number
  /** The same for who asks what time it is: throws STORE_UNAVAILABLE until Redis has said it. [TIME-1] */
  time (): number
  /** Makes a user's token. `ttlSec` from now; `expiresAt` in ms. */
  mintToken (userId: string, ttlSec: number): Promise<{ token: string, expiresAt: number }>
  /** Whose token it is, and its life in ms. Throws BAD_TOKEN, TOKEN_EXPIRED. */
  verifyToken (token: string): Promise<TokenLife & { userId: string }>
}

export const { defineCommand, defineOperation } = definers<Context>()

/** The platform of a terminal, as a TypeScript type. */
export type PlatformName = Static<typeof Platform>
