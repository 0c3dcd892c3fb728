// Hints between nodes: what another node's script or command published for users who are connected here. Section 6.
import { parseCursor } from '../protocol/ids.js'
import { createRedisSubscriber, type Redis } from '../store/redis.js'
import { readReference } from '../store/entry.js'
import { keys, partition, PARTITIONS } from '../store/keys.js'
import { hintedItem } from './feed.js'
import type { Closing, Hub } from './hub.js'
import type { Job } from './jobs.js'
import type { TokenLife } from './lifetime.js'
import type { Frame, TerminalFilter } from './render.js'

/** What a node may be told beside entries: frames that are stored nowhere, pages of history, connections to close, fresh tokens. */
export type NodeMessage =
  | { volatile: { userId: string, frame: Frame, filter?: TerminalFilter } }
  | { history: { userId: string, terminalId: string, page: Page } }
  | { close: Closing & { userId: string } }
  | { renew: { userId: string, terminalId: string, fresh: TokenLife } }

/** A page of history: printed as MSG_DOWN, closed by GET_READ_MSG_END. [GET-1] */
export interface Page { requestId: string, conversationId: string, firstSeq: number, count: number, hasMore: boolean, traceId: string }

interface Floor {
  redis: Redis
  node: string
  hub: Hub
  pageJob (page: Page): Job
  /** Called whenever the channels are heard (again): hints that came before are lost. */
  onSubscribed (): void
}

/**
 * Listens to the channels of this node: one per partition, however many users there are.
 * @returns `tell(userId, node, message)` publishes to another node, or does it here; `isListening()`: whether the channels
 *   are heard now; `close()` stops listening.
 */
export function createNodes ({ redis, node, hub, pageJob, onSubscribed }: Floor) {
  const subscriber = createRedisSubscriber(redis)
  const channels = Array.from({ length: PARTITIONS }, (_, p) => keys.node(p, node))
  let isClosed = false
  let isListening = false
  subscriber.on('close', () => { isListening = false })
  subscriber.on('ready', () => {
    // what was published while nobody listened is found by looking: at once, not with the next sweep
    subscriber.ssubscribe(...channels).then(() => {
      isListening = true
      onSubscribed()
    }, () => { if (!isClosed) subscriber.disconnect(true) })
  })
  subscriber.on('smessage', (_channel: string, text: string) => {
    // what cannot be read is a lost hint, which costs latency only; thrown here, it would end the process
    try { receive(JSON.parse(text) as NodeMessage | EntryHint) } catch {}
  })

  function receive (message: NodeMessage | EntryHint): void {
    if (Array.isArray(message)) {
      const [userId, id, fields, body] = message
      if (!parseCursor(id)) return
      // a copy of the recalled text may lie in the tail: it is read anew, as the tombstone [DOWN-2]
      if (body.includes('"name":"REVOKE"')) hub.forget(userId)
      hub.hint(userId, hintedItem(id, readReference(fields), body))
    } else if ('volatile' in message) hub.volatile(message.volatile.userId, message.volatile.frame, message.volatile.filter)
    else if ('close' in message) hub.close(message.close.userId, message.close)
    else if ('renew' in message) hub.renew(message.renew.userId, message.renew.terminalId, message.renew.fresh)
    else hub.addJob(message.history.userId, message.history.terminalId, () => pageJob(message.history.page))
  }

  return {
    async tell (userId: string, to: string, message: NodeMessage): Promise<void> {
      if (to === node) receive(message)
      else await redis.spublish(keys.node(partition(userId), to), JSON.stringify(message))
    },
    isListening: () => isListening,
    close (): void {
      isClosed = true
      subscriber.disconnect()
    }
  }
}

/** As `down.lua` publishes it: user, entry id, entry fields, body. */
type EntryHint = [string, string, (string | number)[], string]

export type Nodes = ReturnType<typeof createNodes>
