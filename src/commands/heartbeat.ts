// HEARTBEAT: the terminal is still there. Section 7.
import { Type } from '@sinclair/typebox'
import { Time } from '../protocol/ids.js'
import { TerminalState } from '../protocol/presence.js'
import { defineCommand } from '../fanout/context.js'

/** HEARTBEAT - renews the terminal's lease, and says whether somebody looks at it. [LIFE-2] */
export const heartbeat = defineCommand({
  name: 'HEARTBEAT',
  path: '/v1/up/heartbeat',
  summary: 'Say that this terminal is still there',
  description: 'Renews the lease of a connected terminal, as every other up-command does: without either for ' +
    '`leaseSec` seconds it is offline, however open its stream looks, and gets `IRIS.BYE` 4204. Send it every ' +
    'third of that. `state` is kept until it is said anew. It does not connect a terminal: a stream does. [LIFE-2]',
  body: Type.Object({ state: Type.Optional(TerminalState) }, { additionalProperties: false }),
  result: Type.Object({ serverTime: Time, leaseSec: Type.Integer({ minimum: 1 }) }),
  errors: [],
  example: { body: { state: 'foreground' }, result: { serverTime: 1795442400123, leaseSec: 90 } },
  light: true,
  async handle ({ body: { state }, caller }, { leases, limits, now }) {
    leases.seen(caller, state)
    return { serverTime: now(), leaseSec: limits.leaseSec }
  }
})
