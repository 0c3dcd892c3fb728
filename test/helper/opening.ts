// What a connection is opened with in this process, without a transport: what it prints is collected, as for a poll.
import { randomUUID } from 'node:crypto'
import type { Opening } from '../../src/stream/opening.js'
import { Collection } from '../../src/transports/collect.js'

/** @returns the opening of a terminal of a user of its own, unless `more` says otherwise, and what is printed there. */
export function createOpening (more: Partial<Opening> = {}): Opening & { collection: Collection } {
  const collection = new Collection(1000, () => undefined)
  return {
    userId: `u-${randomUUID()}`,
    terminalId: 't',
    platform: 'web',
    issuedAt: 0,
    expiresAt: Infinity,
    traceId: 't',
    printer: collection.printer(),
    collection,
    ...more
  }
}
