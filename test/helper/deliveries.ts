// What tests of deliveries have in common: what happens in many conversations, and that a receiver has had all of it, in order.
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Iris } from './iris.js'
import { ALLOW, type Delivery, type Receiver } from './receiver.js'
import { upTo } from './sse.js'
import { webhooksOf } from './webhooks.js'

/** All is told, to receivers on this machine; what is not taken comes again soon, and little of it may wait. */
export const TOLD_SOON = {
  ...ALLOW,
  IRIS_EVENTS: 'all',
  IRIS_LIMIT_WEBHOOK_PAUSE_SEC: '1',
  IRIS_LIMIT_WEBHOOK_ATTEMPT_SEC: '1',
  IRIS_LIMIT_WEBHOOK_PENDING: '30'
}

export const isOf = (conversation: string | undefined) => ({ data }: Delivery) => data['conversationId'] === conversation
const placeOf = ({ data }: Delivery) => `${String(data['conversationId'])} ${String(data['seq'])}`

/** What receivers have said no to. */
export const refused = new Set<Delivery>()
export const refuse = (delivery: Delivery, status = 500) => refused.add(delivery) && status

/** Verbs for what happens at a server. */
export function happeningsOf (iris: Pick<Iris, 'server'>) {
  const { server } = iris
  const { show } = webhooksOf(iris)
  return {
    /** Makes groups. @returns their ids. */
    async groups (count: number): Promise<string[]> {
      const ids = upTo(count).map(() => `g.${randomUUID()}`)
      for (const id of ids) await server('PUT', `conversations/${id}`, { members: [{ userId: 'ann' }, { userId: 'ben' }] })
      return ids
    },

    /** Sends so many messages to each of these, in turn. */
    async send (conversations: string[], each: number): Promise<void> {
      const messages = upTo(each).flatMap(() => conversations.map(conversationId =>
        ({ from: 'ann', clientMsgId: randomUUID(), conversationId, type: 'text', content: { text: 'hi' } })))
      for (let i = 0; i < messages.length; i += 100) await server('POST', 'messages/batch', { messages: messages.slice(i, i + 100) })
    },

    /** Whether a webhook has been told everything, for `until`. */
    isIdle: (id: string) => async () => {
      const { unread, waiting } = await show(id)
      return (unread === 0 && waiting === 0) || undefined
    }
  }
}

/** Of these conversations each message was taken, in order, but for what is lost; whatever came again bears the id that it had. */
export function wholeAndInOrder (t: Test, receiver: Receiver, messages: { conversations: string[], each: number, lost?: number[] }): void {
  const { conversations, each, lost = [] } = messages
  const taken = receiver.deliveries.filter(delivery => !refused.has(delivery))
  for (const [i, id] of conversations.entries()) {
    const seqs = taken.filter(isOf(id)).map(({ data }) => Number(data['seq']))
    t.same([...new Set(seqs)], upTo(each).filter(seq => i > 0 || !lost.includes(seq)), id)
  }
  const ours = receiver.deliveries.filter(({ data }) => conversations.includes(String(data['conversationId'])))
  t.equal(new Set(ours.map(({ id }) => id)).size, conversations.length * each, 'an id for each')
  t.equal(new Set(ours.map(one => `${one.id} ${placeOf(one)}`)).size, conversations.length * each, 'and the same when it comes again')
  t.same(receiver.forged, [])
}
