// What a gateway is made of: its Redis, its name, and what is configured.
import type { Context } from './fanout/context.js'
import type { createJournal } from './hub/journal.js'
import type { Limits } from './protocol/limits.js'
import type { EventKind } from './protocol/server-events.js'
import type { Disk, OwnDisk } from './store/redis/disk.js'
import type { Redis } from './store/redis/redis.js'
import type { TrustFacts } from './store/redis/trust.js'
import type { Policies } from './stores.js'
import type { HookConfig } from './webhooks/hooks.js'
import type { WebhookConfig } from './webhooks/webhooks.js'

export interface GatewayFacts extends Policies {
  redis: Redis
  node: string
  limits: Limits
  /** The kinds of events that are written for back ends. */
  events: readonly EventKind[]
  webhooks?: WebhookConfig
  hooks?: HookConfig
  tokens: {
    mint (userId: string, life: { issuedAt: number, ttlSec: number }): ReturnType<Context['mintToken']>
    verify: Context['verifyToken']
  }
  /** What is expected of a Redis that Iris did not start itself. */
  durability?: 'disk' | 'memory' | undefined
  /** Called when the store cannot be worked with, and waiting for it cannot help. */
  onUnfit?: ((sentence: string) => void) | undefined
  /** Whether the store is known to have all that it had when it ended. [STORE-1] */
  isSealed?: boolean | undefined
  /** Asks for the disk of the store, where that is known. */
  disk?: (() => Promise<Disk>) | undefined
  own?: OwnDisk | undefined
  log: TrustFacts['log'] & Parameters<typeof createJournal>[0]['log']
}
