// Server API: notices, kept until a user has seen them.
import { type Static, Type } from '@sinclair/typebox'
import { clientId, ConversationId, SYSTEM_USER, UserId } from '../protocol/ids.js'
import { limitedBytes, limitedItems } from '../protocol/limits.js'
import { type FieldError, Problem } from '../protocol/problem.js'
import { targetOf, To } from '../protocol/target.js'
import { type Context, defineOperation } from '../fanout/context.js'
import { fingerprint } from '../fanout/send-message.js'
import { keys } from '../store/keys.js'
import { inSteps } from '../store/redis/steps.js'
import type { Audience } from '../store/user/notices.js'

const strict = { additionalProperties: false }
const server = { tag: 'Server', auth: 'server' } as const
const WEEK_SEC = 604_800
const NoticeId = clientId('Made by you; the same for every retry.', 'n-1')
const Count = Type.Integer({ minimum: 0 })

const Body = Type.Object({
  clientNoticeId: Type.Optional(NoticeId),
  noticeId: Type.Optional({ ...NoticeId, description: 'As `clientNoticeId`, as it was published before.' }),
  to: Type.Optional(To('members', { isOfAll: true })),
  everybody: Type.Optional(Type.Literal(true, { description: 'As `to: {"everybody": true}`.' })),
  users: Type.Optional(Type.Array(UserId, {
    minItems: 1, uniqueItems: true, ...limitedItems('members'), description: 'As `to: {"users": [...]}`, as it was published before.'
  })),
  conversationId: Type.Optional({ ...ConversationId, description: 'As `to: {"conversationId": ...}`, as it was published before.' }),
  kind: Type.Optional(Type.Unsafe<'notice' | 'message'>({ type: 'string', enum: ['notice', 'message'] })),
  title: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  content: Type.Record(Type.String(), Type.Unknown(), { ...limitedBytes('contentBytes') }),
  level: Type.Optional(Type.Unsafe<'info' | 'warning' | 'critical'>({ type: 'string', enum: ['info', 'warning', 'critical'] })),
  actions: Type.Optional(Type.Array(Type.Object({
    title: Type.String({ minLength: 1, maxLength: 100 }),
    url: Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 2048 })),
    command: Type.Optional(Type.String({ maxLength: 64 }))
  }, strict), { maxItems: 10 })),
  needComplete: Type.Optional(Type.Boolean({
    default: true,
    description: 'Shown at every attach until NOTICE_COMPLETE. `false`: shown once to who was away, then it leaves his box; ' +
      'it takes no room from those that need it, and where there are too many the oldest goes. [BOX-1]'
  })),
  ttlSec: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_592_000, default: WEEK_SEC }))
}, strict)

/** @returns a notice in the one form that it is kept and compared in. [SERVER-6] */
function noticeOf ({ to, clientNoticeId, noticeId = clientNoticeId ?? '', ...notice }: Static<typeof Body>) {
  return { ...notice, noticeId, ...(to !== undefined && targetOf(to)) }
}

type Notice = ReturnType<typeof noticeOf>

/** Sends a notice to users, to the members of a conversation, or to everybody. */
export const sendNotice = defineOperation({
  ...server,
  name: 'sendNotice',
  method: 'POST',
  path: '/v1/server/notices',
  summary: 'Send a notice to users, to a conversation\'s members, or to everybody',
  description: 'Kept in each user\'s NOTICE_BOX until he completes it or it expires. Idempotent by `clientNoticeId`, by which it is ' +
    'known as `noticeId`: a retry answers the same with `duplicate: true`, other content is 409. Users whose box is full are `skipped`. ' +
    'One to everybody is stored once (`stored: 1`), and reaches those who are connected, and who attaches while it lasts. ' +
    '[COMPLETE-3] [BOX-1] [NOTICE-1] [SERVER-6]',
  body: Body,
  result: Type.Object({
    noticeId: Type.String({ description: 'What NOTICE_COMPLETE takes, and `DELETE /v1/server/notices/{id}`.' }),
    stored: Count,
    skipped: Type.Array(Type.Object({ userId: UserId, reason: Type.Literal('BOX_FULL') })),
    duplicate: Type.Boolean()
  }),
  errors: ['CONVERSATION_NOT_FOUND', 'NOTICE_ID_CONFLICT', 'TOO_MANY_NOTICES'],
  example: {
    body: { clientNoticeId: 'n-1', to: { users: ['alice', 'bob'] }, title: 'Maintenance', content: { text: 'At ten' }, ttlSec: 3600 },
    result: { noticeId: 'n-1', stored: 2, skipped: [], duplicate: false }
  },
  check ({ to, users, conversationId, everybody, noticeId, clientNoticeId = noticeId }) {
    const errors: FieldError[] = []
    if (clientNoticeId === undefined) errors.push({ pointer: '/clientNoticeId', detail: 'is required' })
    if (noticeId !== undefined && noticeId !== clientNoticeId) errors.push({ pointer: '/noticeId', detail: 'must be the clientNoticeId' })
    if (to !== undefined && Object.keys(targetOf(to)).length !== 1) {
      errors.push({ pointer: '/to', detail: 'exactly one of users, conversationId and everybody is needed' })
    }
    const [first, ...more] = Object.entries({ to, everybody, users, conversationId }).filter(([, target]) => target !== undefined)
    if (!first || more.length > 0) {
      errors.push({ pointer: `/${more.at(-1)?.[0] ?? 'to'}`, detail: 'exactly one target is needed' })
    }
    return errors
  },
  async handle ({ body, traceId }, context) {
    const notice = noticeOf(body)
    const { noticeId, ttlSec = WEEK_SEC, ...content } = notice
    const facts = {
      key: keys.notice(noticeId),
      fingerprint: fingerprint({ ttlSec, ...content, ...(content.users && { users: [...content.users].sort() }) }),
      id: noticeId,
      conflict: 'NOTICE_ID_CONFLICT' as const,
      keepSec: ttlSec + context.limits.dedupeSec,
      about: { users: content.users, conversationId: content.conversationId } satisfies Audience
    }
    const { users, skipped, stored = users.length, duplicate } = await context.once(facts, () => store(notice, traceId, context))
    return { noticeId, stored, skipped, duplicate }
  }
})

/** What became of a notice: whom it was stored for; of one to everybody, that it was stored once. */
interface Outcome { users: string[], skipped: { userId: string, reason: 'BOX_FULL' }[], stored?: number }

async function store (notice: Notice, traceId: string, { conversations, deliver, shared, everybody }: Context): Promise<Outcome> {
  const {
    noticeId, users, conversationId = '', kind = 'notice', title, content, level, actions, needComplete = true, ttlSec = WEEK_SEC
  } = notice
  const event = {
    noticeId,
    kind,
    ...(title !== undefined && { title }),
    content,
    ...(level && { level }),
    ...(actions && { actions }),
    needComplete,
    op: 'show',
    traceId
  }
  if (notice.everybody) {
    const isStored = await shared.store({ id: noticeId, kind, draft: JSON.stringify(event), ttlMs: ttlSec * 1000, once: !needComplete })
    void everybody.look()
    return { users: [], skipped: [], stored: Number(isStored) }
  }
  const targets = users ?? await conversations.memberIds(conversationId)
  if (!targets) throw new Problem('CONVERSATION_NOT_FOUND')
  const item = {
    id: noticeId,
    from: SYSTEM_USER,
    once: !needComplete,
    draft: JSON.stringify(event),
    meta: { kind },
    ttlMs: ttlSec * 1000,
    everyTerminal: false,
    claim: keys.notice(noticeId)
  }
  const outcomes = await inSteps(targets, async userId => ({ userId, outcome: await deliver.item('NOTICE_BOX', userId, item) }))
  return {
    users: outcomes.filter(({ outcome }) => outcome !== 'full' && outcome !== 'over').map(({ userId }) => userId),
    skipped: outcomes.filter(({ outcome }) => outcome === 'full').map(({ userId }) => ({ userId, reason: 'BOX_FULL' as const }))
  }
}

/** Takes a notice back from everybody who has not completed it. */
export const cancelNotice = defineOperation({
  ...server,
  name: 'cancelNotice',
  method: 'DELETE',
  path: '/v1/server/notices/{id}',
  summary: 'Cancel a notice for everybody who has not completed it',
  description: 'Their terminals get `op: "cancel"`; it is not shown again, nor sent by a retry of a `POST` that was cut. Twice is fine: ' +
    'then nobody is left. One to everybody counts as one. [NOTICE-2]',
  params: Type.Object({ id: NoticeId }),
  result: Type.Object({ noticeId: Type.String(), cancelled: Count }),
  errors: ['INVALID_QUERY', 'NOTICE_NOT_FOUND'],
  example: { result: { noticeId: 'n-1', cancelled: 2 } },
  async handle ({ params: { id }, traceId }, { notices, conversations, shared, everybody, deliver }) {
    function takenBack () {
      void everybody.look()
      return { noticeId: id, cancelled: 1 }
    }
    if (await shared.remove(id)) return takenBack()
    const found = await notices.find(id)
    if (!found) throw new Problem('NOTICE_NOT_FOUND')
    const users = found.users ?? await conversations.memberIds(found.conversationId ?? '') ?? []
    if (found.isCut) await notices.settle(id, users)
    // it may have been stored while it was waited for
    if (await shared.remove(id)) return takenBack()
    const cancelled = await inSteps(users, userId => deliver.cancel('NOTICE_BOX', userId, { id, traceId }))
    return { noticeId: id, cancelled: cancelled.filter(Boolean).length }
  }
})
