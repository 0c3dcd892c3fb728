// The model of property.test.ts: what one user's stream, mailbox and boxes hold after each step, and how each entry may read.
import type { Iris } from '../helper/iris.js'
import type { SseEvent } from '../helper/sse.js'
import { dm, groupOf, type User } from '../helper/user.js'

type Entry = { kind: 'message', conversationId: string, seq: number, text: string, revokedAt?: number } |
  { kind: 'command', id: string, completedAt?: number } | { kind: 'event', name: string, silentFor?: string }

export type Step = { do: 'send', by: number, to: number } | { do: 'read', to: number, upTo: number, from: number } |
  { do: 'revoke', which: number } | { do: 'command' } | { do: 'complete', which: number }

/** @returns the first difference between two values as JSON, for an Error's message. */
function differs (what: string, actual: unknown, expected: unknown): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== e) throw new Error(`${what}: ${a}, the model says ${e}`)
}

/** Makes the model around three users; bob's stream is the one it knows. */
export async function createModel (iris: Iris, { alice, bob, carol }: Record<'alice' | 'bob' | 'carol', User>) {
  const conversations = [dm(alice, bob), await groupOf(iris, alice, bob, carol)] as const
  const senders = [alice, carol, bob] as const
  const entries: Entry[] = []
  const unread = new Map<string, Set<number>>(conversations.map(id => [id, new Set()]))
  const readSeq = new Map<string, number>()
  const heads = new Map<string, number>()
  const pending = new Map<string, Extract<Entry, { kind: 'command' }>>()
  let steps = 0
  let openedAt = 0
  let commands = 0

  const birth = await bob.listen({ terminalId: 'birth' })
  const epoch = String((await birth.next('IRIS.READY')).id).split('-')[0] as string
  await birth.cut()
  const messages = () => entries.filter(entry => entry.kind === 'message')

  const actions = {
    async send ({ by, to }: { by: number, to: number }) {
      const sender = senders[by] as User
      const id = sender === carol ? conversations[1] : conversations[to] as string
      if (sender === bob && id === conversations[0] && !heads.has(id)) return // he does not write first
      const text = `text ${steps}`
      const target = id === conversations[0] && sender === alice ? bob : id
      const { status, body } = await sender.send(target, text)
      differs('a send', [status, body.seq], [200, (heads.get(id) ?? 0) + 1])
      heads.set(id, Number(body.seq))
      if (sender !== bob) unread.get(id)?.add(Number(body.seq))
      entries.push({ kind: 'message', conversationId: id, seq: Number(body.seq), text })
    },

    async read ({ to, upTo, from }: { to: number, upTo: number, from: number }) {
      const id = conversations[to] as string
      if (!heads.has(id) || upTo === 0) return
      const terminal = ['elsewhere', 'hop'][from] as string
      const { status, body } = await bob.read({ conversationId: id, upToSeq: upTo }, terminal)
      const reached = Math.min(upTo, heads.get(id) ?? 0)
      const left = [...unread.get(id) ?? []].filter(seq => seq > reached)
      const moved = reached > (readSeq.get(id) ?? 0) || left.length < Number(unread.get(id)?.size)
      unread.set(id, new Set(left))
      readSeq.set(id, Math.max(readSeq.get(id) ?? 0, reached))
      if (moved) entries.push({ kind: 'event', name: 'READ', silentFor: terminal })
      differs('READ', [status, body['readSeq'], body['unread']], [200, readSeq.get(id), left.length])
    },

    async revoke ({ which }: { which: number }) {
      const all = messages()
      const message = all[which % all.length]
      if (!message) return
      const { conversationId, seq } = message
      const { status, body } = await iris.server('POST', 'messages/revoke', { conversationId, seq })
      differs('REVOKE', [status, body['alreadyRevoked']], [200, message.revokedAt !== undefined])
      if (message.revokedAt !== undefined) return
      message.revokedAt = steps
      unread.get(conversationId)?.delete(seq)
      entries.push({ kind: 'event', name: 'REVOKE' })
    },

    async command () {
      const { body } = await alice.command({ clientCmdId: `c${commands++}`, name: 'nudge', to: { users: [bob.userId] }, mode: 'reliable' })
      const entry: Entry = { kind: 'command', id: String(body['cmdId']) }
      differs('a command', body['stored'], 1)
      pending.set(entry.id, entry)
      entries.push(entry)
    },

    async complete ({ which }: { which: number }) {
      const entry = [...pending.values()][which % Math.max(1, pending.size)]
      if (!entry) return
      const { body } = await bob.cmdComplete({ ids: [entry.id] }, 'elsewhere')
      differs('CMD_COMPLETE', body['results'], [{ id: entry.id, state: 'completed' }])
      entry.completedAt = steps
      pending.delete(entry.id)
      entries.push({ kind: 'event', name: `complete ${entry.id}` })
    }
  }

  /** How an event reads, in one word or two; `undefined` for an id alone. */
  function reading ({ event, data }: SseEvent): string | undefined {
    if (event === undefined) return undefined
    if (event !== 'MSG_DOWN') {
      return data['op'] === 'complete' ? `complete ${String(data['cmdId'])}` : data.name === 'nudge' ? String(data['cmdId']) : data.name
    }
    return `${String(data['conversationId'])} ${String(data['seq'])} ` +
      `${data['type'] === 'revoked' ? 'revoked' : String((data['content'] as { text: string }).text)}`
  }

  /** How an entry may read on a stream that was opened at the step `openedAt`: what was over by then is not shown again. */
  function readings (entry: Entry): (string | undefined)[] {
    const either = (then: string, at: number | undefined, after: string | undefined) =>
      at === undefined ? [then] : at < openedAt ? [after] : [then, after]
    if (entry.kind === 'message') {
      return either(`${entry.conversationId} ${entry.seq} ${entry.text}`, entry.revokedAt, `${entry.conversationId} ${entry.seq} revoked`)
    }
    if (entry.kind === 'command') return either(entry.id, entry.completedAt, undefined)
    return entry.silentFor === 'hop' ? [undefined] : [entry.name]
  }

  return {
    epoch,
    get length () { return entries.length },
    /** The client has come back: from here on it must not see what is over. */
    opened (): void { openedAt = ++steps },
    async apply (step: Step): Promise<void> {
      steps++
      if (step.do === 'send') await actions.send(step)
      else if (step.do === 'read') await actions.read(step)
      else if (step.do === 'revoke') await actions.revoke(step)
      else if (step.do === 'complete') await actions.complete(step)
      else await actions.command()
    },

    /** @returns what a stream said that the model does not say. */
    contradiction (events: SseEvent[], from: string): string | undefined {
      for (const event of events) {
        if (event.data.name?.startsWith('IRIS.')) continue
        const said = reading(event)
        if (event.id === undefined) {
          const entry = entries.find(entry => entry.kind === 'command' && entry.id === said)
          if (!entry || entries.indexOf(entry) >= Number(from.split('-')[1]) || readings(entry)[0] === undefined) {
            return `redelivered without need: ${said}`
          }
        } else {
          const entry = entries[Number(event.id.split('-')[1]) - 1]
          if (!entry || !readings(entry).includes(said)) return `${event.id} reads "${said}" instead of ${JSON.stringify(entry)}`
        }
      }
      return undefined
    },

    /** A fresh terminal finds what is pending: unread messages and commands, no more and no less. */
    async checkFresh (): Promise<void> {
      const stream = await bob.listen({ terminalId: 'fresh' })
      await stream.next('IRIS.READY')
      await stream.cut()
      const found = stream.events.filter(({ data }) => !data.name?.startsWith('IRIS.')).map(reading)
      const waiting = messages()
        .filter(({ conversationId, seq }) => unread.get(conversationId)?.has(seq))
        .map(({ conversationId, seq, text }) => `${conversationId} ${seq} ${text}`)
      differs('the boxes', found.sort(), [...waiting, ...pending.keys()].sort())
    },

    /** Unread counts and markers as the list of conversations says. */
    async checkCounts (): Promise<void> {
      const { body } = await bob.conversations()
      const rows = body['items'] as { conversationId: string, unread: number, headSeq: number, readSeq: number }[]
      const known = rows.map(({ conversationId, unread, headSeq, readSeq }) => [conversationId, unread, headSeq, readSeq])
      const expected = conversations.filter(id => id !== conversations[0] || heads.has(id))
        .map(id => [id, unread.get(id)?.size, heads.get(id) ?? 0, readSeq.get(id) ?? 0])
      differs('the counts', known.sort(), expected.sort())
      differs('the total', body['totalUnread'], [...unread.values()].reduce((sum, { size }) => sum + size, 0))
    }
  }
}
