// GET_SYSTEM_TIME: the clock.
import { Type } from '@sinclair/typebox'
import { Time } from '../protocol/ids.js'
import { defineCommand } from '../fanout/context.js'

/** GET_SYSTEM_TIME - what a client needs to compute offset and delay, as in NTP (RFC 5905). */
export const getSystemTime = defineCommand({
  name: 'GET_SYSTEM_TIME',
  summary: 'Ask for the server\'s time, as in NTP',
  description: '`t1` when the request came in, `t2` when the answer left. ' +
    'With `t0` and the time of arrival `t3`: offset = ((t1 - t0) + (t2 - t3)) / 2, delay = (t3 - t0) - (t2 - t1).',
  body: Type.Object({
    t0: Type.Optional(Type.Number({ description: 'The client\'s own time, echoed.' }))
  }, { additionalProperties: false }),
  result: Type.Object({
    t0: Type.Optional(Type.Number()), t1: Time, t2: Time, serverTime: Time, iso: Type.String({ format: 'date-time' })
  }),
  errors: [],
  withoutStore: true,
  example: {
    body: { t0: 1795442400100 },
    result: { t0: 1795442400100, t1: 1795442400123, t2: 1795442400124, serverTime: 1795442400124, iso: '2026-11-23T14:00:00.124Z' }
  },
  async handle ({ body: { t0 }, receivedAt }, { time }) {
    const t2 = time()
    return { ...(t0 !== undefined && { t0 }), t1: Math.min(receivedAt, t2), t2, serverTime: t2, iso: new Date(t2).toISOString() }
  }
})
