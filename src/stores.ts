// The stores of a gateway: everything that is kept in Redis, by what it is.
import type { LoginPolicy } from './protocol/login.js'
import { createAdmission } from './store/admission.js'
import { createBoxes } from './store/boxes.js'
import type { StoreContext } from './store/context.js'
import { createConversations } from './store/conversation.js'
import { createEvents } from './store/events.js'
import { createGroups } from './store/groups.js'
import { createIdempotency } from './store/idempotency.js'
import { createKicks } from './store/kicks.js'
import { createLeases } from './store/leases.js'
import { createLists } from './store/list.js'
import { createMailbox } from './store/mailbox.js'
import { createMarkers } from './store/markers.js'
import { createNotices } from './store/notices.js'
import { createOnce } from './store/once.js'
import { createSends } from './store/sends.js'
import { createTerminals } from './store/terminals.js'
import { createTickets } from './store/tickets.js'

/** Makes the stores on one connection. */
export function createStores (store: StoreContext, loginPolicy: LoginPolicy) {
  const admission = createAdmission(store)
  const storedLeases = createLeases(store)
  return {
    admission,
    boxes: createBoxes(store),
    conversations: createConversations(store),
    events: createEvents(store),
    groups: createGroups(store),
    idempotency: createIdempotency(store),
    kicks: createKicks(store),
    storedLeases,
    lists: createLists(store),
    mailbox: createMailbox(store, loginPolicy, storedLeases.order),
    markers: createMarkers(store),
    notices: createNotices(store),
    once: createOnce(store),
    sends: createSends(store, admission),
    terminals: createTerminals(store),
    tickets: createTickets(store)
  }
}
