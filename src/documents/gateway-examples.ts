// What each of the gateway's own commands looks like: the examples of the documents. docs/protocol.md section 4.
import type { Static } from '@sinclair/typebox'
import { byes, type gatewayCommands, type Reconnect } from '../protocol/events.js'

type Examples = { [Name in keyof typeof gatewayCommands]: readonly Static<typeof gatewayCommands[Name]>[] }

const cursor = '7354132070916608-17'
const goodbyes: { code: number, reason: string, reconnect: Reconnect }[] = Object.values(byes)

/** The `data` of each, by name; a goodbye of every code. */
export const gatewayExamples: Examples = {
  'IRIS.HELLO': [
    { terminalId: 'web-1', recovered: true, replay: 1, cursor, heartbeatSec: 15, serverTime: 1795442400123, expiresAt: 1795446000123 }
  ],
  'IRIS.READY': [{}, { more: true }],
  'IRIS.RESET': [{
    reason: 'trimmed',
    cursor,
    conversations: [{ conversationId: 'dm.alice.bob', epoch: '1795442400123', headSeq: 42, readSeq: 40, unread: 2 }]
  }],
  'IRIS.AUTH': [{ expiresInSec: 60 }],
  'IRIS.BYE': goodbyes.map(bye => ({ ...bye, ...(bye.reconnect === 'backoff' && { retryAfterMs: 1200 }) }))
}
