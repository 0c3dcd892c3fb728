// NOTICE_UP: typed and documented, and reserved by the source document.
import { Type } from '@sinclair/typebox'
import { clientId } from '../protocol/ids.js'
import { limitedBytes } from '../protocol/limits.js'
import { Problem } from '../protocol/problem.js'
import { defineCommand } from '../fanout/context.js'

/** NOTICE_UP - not used yet: 501 to a valid body. */
export const noticeUp = defineCommand({
  name: 'NOTICE_UP',
  path: '/v1/up/notice',
  summary: 'Send a notice upwards (reserved, not used yet)',
  description: 'The source document reserves this command. A valid body is answered with 501 `NOTICE_UP_RESERVED`, another one with 400.',
  body: Type.Object({
    noticeId: clientId('Made by the client.', 'n-1'),
    kind: Type.Unsafe<'notice' | 'message'>({ type: 'string', enum: ['notice', 'message'] }),
    content: Type.Record(Type.String(), Type.Unknown(), { ...limitedBytes('contentBytes') })
  }, { additionalProperties: false }),
  result: Type.Object({ noticeId: Type.String() }),
  errors: ['NOTICE_UP_RESERVED'],
  example: { body: { noticeId: 'n-1', kind: 'notice', content: { text: 'hello' } }, result: { noticeId: 'n-1' } },
  async handle () {
    throw new Problem('NOTICE_UP_RESERVED')
  }
})
