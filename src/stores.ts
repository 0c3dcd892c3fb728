// The stores of a gateway: everything that is kept in Redis, by what it is.
import type { DirectPolicy } from './protocol/direct.js'
import type { LoginPolicy } from './protocol/login.js'
import { createAdmission } from './store/access/admission.js'
import { createBlocks } from './store/access/blocks.js'
import { createKicks } from './store/access/kicks.js'
import { createTickets } from './store/access/tickets.js'
import { createAcquaintance } from './store/conversation/acquaintance.js'
import { createConversations } from './store/conversation/conversation.js'
import { createGroups } from './store/conversation/groups.js'
import { createLists } from './store/conversation/list.js'
import { createMarkers } from './store/conversation/markers.js'
import { createMembers } from './store/conversation/members.js'
import { createOverview } from './store/conversation/overview.js'
import { createSends } from './store/conversation/sends.js'
import { createSight } from './store/conversation/sight.js'
import type { StoreContext } from './store/life/context.js'
import { createIdempotency } from './store/once/idempotency.js'
import { createOnce } from './store/once/once.js'
import { randomHex } from './store/random.js'
import { createBoxes } from './store/user/boxes.js'
import { createDelivery } from './store/user/delivery.js'
import { createEvents } from './store/user/events.js'
import { createLeases } from './store/user/leases.js'
import { createMailbox } from './store/user/mailbox.js'
import { createNotices } from './store/user/notices.js'
import { createOnline } from './store/user/online.js'
import { createRemoval } from './store/user/removal.js'
import { createShared } from './store/user/shared.js'
import { createTerminals } from './store/user/terminals.js'
import { createOutbox } from './store/webhook/outbox.js'
import { createTargets } from './store/webhook/targets.js'

/** What the configuration says of who may be connected beside whom [KICK-2], and open a direct conversation with whom [DIRECT-1]. */
export interface Policies { loginPolicy: LoginPolicy, direct?: DirectPolicy | undefined }

/**
 * Makes the stores on one connection.
 * @param sealers by which secrets are sealed.
 */
export function createStores (store: StoreContext, { loginPolicy, direct, sealers }: Policies & { sealers: string[] }) {
  const admission = createAdmission(store)
  const storedLeases = createLeases(store)
  return {
    acquaintance: createAcquaintance(store),
    admission,
    blocks: createBlocks(store),
    boxes: createBoxes(store),
    conversations: createConversations(store),
    delivery: createDelivery(store),
    events: createEvents(store),
    groups: createGroups(store),
    idempotency: createIdempotency(store),
    kicks: createKicks(store),
    storedLeases,
    lists: createLists(store),
    mailbox: createMailbox(store, loginPolicy, storedLeases.order),
    markers: createMarkers(store),
    members: createMembers(store),
    notices: createNotices(store),
    once: createOnce(store),
    online: createOnline(store),
    overview: createOverview(store),
    outbox: createOutbox(store, `${store.node}:${randomHex(8)}`),
    removal: createRemoval(store),
    shared: createShared(store),
    sends: createSends(store, admission, direct),
    sight: createSight(store),
    targets: createTargets(store, sealers),
    terminals: createTerminals(store),
    tickets: createTickets(store)
  }
}
