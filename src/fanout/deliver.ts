// The one door through which everything goes down: a store decides and writes, and this node's own readers are told.
import type { createBoxes, Put } from '../store/user/boxes.js'
import type { Here } from '../store/life/context.js'
import { outside } from '../store/deadline.js'
import type { createConversations, Revocation } from '../store/conversation/conversation.js'
import type { Reference } from '../store/user/entry.js'
import type { BoxName } from '../store/keys.js'
import type { createLists } from '../store/conversation/list.js'
import type { createMarkers, Reading } from '../store/conversation/markers.js'
import { isLost, isUnavailable } from '../store/redis/redis.js'
import type { createSends, Send } from '../store/conversation/sends.js'
import type { createTerminals } from '../store/user/terminals.js'
import { parseCursor } from '../protocol/ids.js'
import type { Door } from '../protocol/operation.js'
import { hintedItem } from '../stream/feed.js'
import type { Closing, Hub } from '../hub/hub.js'
import type { Showing } from '../hub/volatile.js'
import type { TokenLife } from '../stream/lifetime.js'
import { createElsewhere } from './elsewhere.js'
import type { Nodes } from './nodes.js'
import type { Recalled } from '../stream/recalled.js'
import { isAddressed } from '../stream/render.js'

interface Floor {
  conversations: ReturnType<typeof createConversations>
  sends: ReturnType<typeof createSends>
  markers: ReturnType<typeof createMarkers>
  lists: Pick<ReturnType<typeof createLists>, 'tidy'>
  boxes: ReturnType<typeof createBoxes>
  terminals: ReturnType<typeof createTerminals>
  hub: Hub
  /** The name of this node. */
  here: string
  nodes: Nodes
  recalled: Recalled
  now (): number
  /** The store did not answer a write: it may be done all the same, and then nobody here has heard of it. */
  onLost (): void
}

/** Makes the door. Standalone Redis: one script writes every member's entry, so the order of streams is the order of scripts. */
export function createDeliver ({ conversations, sends, markers, lists, boxes, terminals, hub, here, nodes, recalled, now, onLost }: Floor) {
  /** @param steps of more than one, those before the one that failed are done, and nobody here has heard of them. */
  async function written<T> (write: Promise<T>, steps = 1): Promise<T> {
    return await write.catch((error: unknown) => {
      if (isLost(error) || (steps > 1 && isUnavailable(error))) onLost()
      throw error
    })
  }

  function hintAll (here: Here, referenceFor: (userId: string) => Reference, bodyFor: (userId: string) => string): void {
    for (const { userId, id } of here) hub.hint(userId, hintedItem(id, referenceFor(userId), bodyFor(userId)))
  }

  /** Bodies that only the script knows are read from Redis. */
  function hintPositions (here: Here): void {
    for (const { userId, id } of here) {
      const position = parseCursor(id)
      if (position) hub.hintPosition(userId, position.epoch, position.seq)
    }
  }

  /** The nodes that hold terminals of these users, and whose. */
  async function nodesOf ({ userIds, filter }: Showing): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>()
    const routes = await terminals.routesOf(userIds, now())
    routes.forEach((all, i) => {
      for (const node of new Set(all.filter(route => isAddressed(filter, route)).map(route => route.node))) {
        found.set(node, [...found.get(node) ?? [], userIds[i] as string])
      }
    })
    return found
  }

  async function complete (box: BoxName, userId: string, facts: { ids: string[], terminalId: string, traceId: string }) {
    const { states, here } = await written(boxes.complete(box, userId, facts), facts.ids.length)
    facts.ids.forEach((id, i) => {
      if (states[i] === 'completed' || states[i] === 'expired') recalled.item(userId, id)
      // it may still be pending for others
      if (states[i] === 'share' || states[i] === 'already') recalled.item(userId, id, facts.terminalId)
    })
    hintPositions(here)
    return await recalled.settled(states)
  }

  async function tellToClose (userId: string, on: string[], closing: Closing): Promise<void> {
    await Promise.all([...new Set(on)].map(node => nodes.tell(userId, node, { close: { userId, ...closing } })))
  }

  return {
    /** A message to every member, its sender included. [MSG-1] [MSG-3] */
    async message (send: Send, door?: Door) {
      const sent = await written(sends.append(send, door))
      const { conversationId, draft: { from }, terminalId, create = [] } = send
      const { seq, epoch, body, ts, opened } = sent
      // what is left undone is done at the next opening
      if (opened) for (const userId of create) outside(() => lists.tidy(userId, ts)).catch(() => undefined)
      const reference: Reference = { kind: 'msg', conversationId, seq }
      hintAll(sent.here, userId => userId === from ? { ...reference, terminal: terminalId, epoch } : reference, () => body)
      return sent
    },

    /** A message that was read is looked at again when it leaves in an answer. [DOWN-2] */
    shown: recalled.shown,

    /** A reader's marker, to those who watch it. [READ-3] [REST-2] */
    async reading (reading: Reading) {
      const marked = await written(markers.mark(reading))
      const { reader, terminalId } = reading
      for (const { userId, id, body } of marked.told) {
        hub.hint(userId, hintedItem(id, { kind: 'event', body, ...(userId === reader && { except: terminalId }) }, body))
      }
      return marked
    },

    /** A revocation, to every member. From its answer on no copy in this process is printed. [REVOKE-4] [DOWN-2] */
    async revocation (revocation: Revocation) {
      const { conversationId, seq } = revocation
      const revoked = await written(conversations.revoke(revocation))
      recalled.message(conversationId, seq, { tombstone: revoked.tombstone })
      hintAll(revoked.here, () => ({ kind: 'event', body: revoked.event }), () => revoked.event)
      return await recalled.settled(revoked)
    },

    /** An item into a user's box. [CMD-2] */
    async item (box: BoxName, userId: string, item: Put) {
      const { outcome, here, body } = await written(boxes.put(box, userId, item))
      const { id, filter } = item
      hintAll(here, () => ({ kind: 'box', box, id, ...(filter !== undefined && { filter }) }), () => body)
      return outcome
    },

    complete,

    /** The server takes an item back from a user. @returns whether he still had it. */
    async cancel (box: BoxName, userId: string, { id, traceId }: { id: string, traceId: string }): Promise<boolean> {
      const { states: [state], here } = await written(boxes.cancel(box, userId, { ids: [id], traceId }))
      recalled.item(userId, id)
      hintPositions(here)
      return await recalled.settled(state === 'completed')
    },

    /** A terminal is no more: its shares are done. [COMPLETE-5] */
    async forgetTerminal (userId: string, terminalId: string, traceId: string): Promise<void> {
      for (const box of ['CMD_BOX', 'NOTICE_BOX'] as const) {
        const ids = await boxes.sharesOf(box, userId, terminalId)
        if (ids.length > 0) await complete(box, userId, { ids, terminalId, traceId })
      }
    },

    /**
     * A frame to the terminals connected now, on whatever node; stored nowhere. One question to each node, however many users. [CMD-1]
     * @returns how many have taken it, by the word of the nodes that hold them; without a frame: how many are there. [CMD-5]
     */
    async show (showing: Showing): Promise<number> {
      const byNode = await nodesOf(showing)
      const taken = await Promise.all([...byNode].map(([node, userIds]) =>
        nodes.ask(userIds[0] ?? '', node, 'show', { ...showing, userIds })))
      return new Set(taken.flatMap(found => found ?? [])).size
    },

    /** Closes a user's connections on whatever node, with the last word that some are told. */
    async close (userId: string, closing: Closing): Promise<void> {
      const routes = (await terminals.routes(userId, now())).filter(route => isAddressed(closing.filter, route))
      await tellToClose(userId, routes.map(route => route.node), closing)
    },

    /** Closes a user's connections on these nodes. */
    closeOn: tellToClose,

    /** A terminal's fresh token, to its connections on whatever node. */
    async renew (userId: string, terminalId: string, fresh: TokenLife): Promise<void> {
      hub.renew(userId, terminalId, fresh) // also one that has no route yet
      const routes = (await terminals.routes(userId, now())).filter(({ node, terminalId: id }) => id === terminalId && node !== here)
      await Promise.all(routes.map(route => nodes.tell(userId, route.node, { renew: { userId, terminalId, fresh } })))
    },

    ...createElsewhere({ terminals, nodes, here, now })
  }
}

export type Deliver = ReturnType<typeof createDeliver>
