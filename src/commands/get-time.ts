// The server's time for those who have no token yet.
import { Type } from '@sinclair/typebox'
import { Time } from '../protocol/ids.js'
import { defineOperation } from '../fanout/context.js'

/** The clock, without a token. */
export const getTime = defineOperation({
  name: 'getTime',
  method: 'GET',
  path: '/v1/time',
  tag: 'System',
  auth: 'none',
  summary: 'Ask for the server\'s time without a token',
  description: 'The time of Redis in milliseconds, as GET_SYSTEM_TIME gives it; ' +
    '503 STORE_UNAVAILABLE until Redis has said it for the first time.',
  result: Type.Object({ serverTime: Time, iso: Type.String({ format: 'date-time' }) }),
  errors: ['STORE_UNAVAILABLE'],
  example: { result: { serverTime: 1795442400123, iso: '2026-11-23T14:00:00.123Z' } },
  async handle (_request, { time }) {
    const serverTime = time()
    return { serverTime, iso: new Date(serverTime).toISOString() }
  }
})
