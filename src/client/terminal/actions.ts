// What an application asks of the gateway, each a request that may be sent again. docs/protocol.md section 5.
import type { Base } from '../base/base.js'
import type { IrisError } from '../base/error.js'
import { newId } from '../base/platform.js'
import type { Iris } from '../base/types.js'
import type { Frame, HistoryPage, Message } from '../base/wire.js'

/** So many of the conversations that were opened are fetched again after a reset. */
const OPENED = 10

interface Parts {
  /** Tells all tabs of something, as if it had come down. */
  publish (frame: Frame): void
  /** Tells this tab alone. */
  receive (frame: Frame): void
  /** As it is since what was heard of it. */
  asKnown (message: Message): Message
}

type Actions = Pick<Iris, 'read' | 'revoke' | 'history' | 'conversations' | 'command' | 'complete' | 'request'>

/** @returns the calls, and `fillHole(range)`; `resync()`: fetches what a reset has made void. */
export function createActions ({ calls, emit, warn, me }: Base, { publish, receive, asKnown }: Parts) {
  const opened = new Set<string>()
  const up = <T>(name: string, body: object) => calls.insist<T>(`/v1/up/cmd/${name}`, body)
  const frameOf = (message: Message): Frame => ({ event: 'MSG_DOWN', data: { ...message, source: 'history' } })
  const page = (query: object) => up<HistoryPage>('get-read-msg', { deliver: 'inline', ...query })

  const actions: Actions = {
    async read (conversationId, upToSeq) {
      const answer = await up<Awaited<ReturnType<Iris['read']>>>('read', { conversationId, upToSeq })
      // the terminal that reads is not told
      const data = { conversationId, readerId: me.userId, readSeq: answer.readSeq }
      publish({ event: 'CMD_DOWN', data: { name: 'READ', op: 'do', data } })
      return answer
    },
    revoke: (conversationId, seq, reason) => up('revoke', { conversationId, seq, reason }),
    async history (conversationId, query) {
      opened.delete(conversationId)
      opened.add(conversationId)
      if (opened.size > OPENED) opened.delete([...opened][0] as string)
      const { messages = [], ...rest } = await page({ conversationId, ...query })
      return { ...rest, messages: messages.map(asKnown) }
    },
    conversations (query = {}) {
      const said = JSON.parse(JSON.stringify(query)) as Record<string, string> // without what is undefined
      return calls.insist(`/v1/conversations?${String(new URLSearchParams(said))}`)
    },
    command: (name, to, data, options) => up('iris-cmd-send', {
      name,
      to: typeof to !== 'string' ? to : to.includes('.') ? { conversationId: to } : { users: [to] },
      data,
      ...options,
      clientCmdId: options?.clientCmdId ?? newId()
    }),
    async complete ({ cmdId, noticeId }) {
      await up(cmdId ? 'cmd-complete' : 'notice-complete', { ids: [cmdId ?? noticeId] })
      publish({ event: cmdId ? 'CMD_DOWN' : 'NOTICE_DOWN', data: { cmdId, noticeId, op: 'complete' } })
    },
    request: calls.insist
  }

  /** Messages that are missing, told to all tabs as they come. [MSG-5] */
  async function fillHole ({ fromSeq, ...range }: { conversationId: string, fromSeq: number, toSeq: number }): Promise<void> {
    const { messages, hasMore, lastSeq } = await page({ ...range, fromSeq, direction: 'newer', limit: 100 })
    for (const message of messages) publish(frameOf(message))
    if (hasMore && lastSeq) await fillHole({ ...range, fromSeq: lastSeq + 1 })
  }

  /** One that cannot be had holds up no other; one that is not there is not asked for again. */
  async function newest (conversationId: string): Promise<void> {
    try {
      const { messages } = await page({ conversationId })
      for (const message of messages) receive(frameOf(message))
    } catch (error) {
      if ((error as IrisError).status === 404) opened.delete(conversationId)
      else warn(error)
    }
  }

  /** What was opened is fetched anew. [ATTACH-1] */
  async function resync (): Promise<void> {
    await actions.conversations().then(page => emit('conversations', page)).catch(warn)
    for (const conversationId of opened) await newest(conversationId)
  }

  return { actions, fillHole, resync }
}
