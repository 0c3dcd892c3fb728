// Clients that write: messages, receipts, revocations, commands and their completion, kicks, comings and goings.
// Each is asked until it is answered.
import { type Question, surely } from './ask.js'
import type { Random } from './random.js'
import type { Asked } from './record.js'
import { DIRECT, DOOR, GROUP, type UserId, users, type World } from './world.js'

export type Act = 'send' | 'read' | 'revoke' | 'command' | 'typing' | 'complete' | 'kick' | 'door'

/** How often each is drawn. */
const weights: Record<Act, number> = { send: 30, read: 5, revoke: 3, command: 5, typing: 2, complete: 5, kick: 1, door: 1 }
const deck = Object.entries(weights).flatMap(([act, weight]) => Array.from({ length: weight }, () => act as Act))
/** So many are pending at most: a box holds no more of one sender. */
const MAX_COMMANDS = 60

const talks: { conversationId: string, members: readonly UserId[] }[] = [
  { conversationId: DIRECT, members: ['alice', 'bob'] },
  { conversationId: GROUP, members: users },
  // dave is there only now and then, so he does not write
  { conversationId: DOOR, members: ['alice', 'bob'] }
]

export type Traffic = Awaited<ReturnType<typeof createTraffic>>

/**
 * Makes the traffic. `act(name)` does one thing; `run(lanes)` does one after the other until `stop()`, which resolves when all is answered.
 */
export async function createTraffic (world: World, random: Random) {
  const { history } = world
  const tokens = Object.fromEntries(await Promise.all(users.map(async userId => [userId, await world.token(userId)]))) as Record<UserId, {
    text: string
    at: number
  }>
  let count = 0
  const stopped = new AbortController()
  let isDoorBusy = false
  const running: Promise<unknown>[] = []

  /** Keeps what is asked from its beginning on. */
  async function ask<T extends Asked> (list: T[], facts: Omit<T, 'began'>, question: Question & {
    at?: number
  }): Promise<[T, Record<string, unknown> | undefined]> {
    const asked = { ...facts, began: performance.now() } as T
    list.push(asked)
    return [asked, await surely(world, asked, question, question.at ?? random.int(0, 9))]
  }

  async function send (talk = random.pick(talks), from = random.pick(talk.members), at = random.int(0, 9)): Promise<string> {
    const { conversationId } = talk
    const clientMsgId = `m${++count}`
    const text = `text of ${clientMsgId}`
    const target = conversationId === DIRECT ? { to: from === 'alice' ? 'bob' : 'alice' } : { conversationId }
    const [sent, body] = await ask(history.sends, { userId: from, conversationId, clientMsgId, text }, {
      at,
      path: '/v1/up/msg',
      as: tokens[from],
      body: { clientMsgId, ...target, type: 'text', content: { text } }
    })
    if (body) Object.assign(sent, { seq: Number(body['seq']), epoch: String(body['epoch']) })
    return clientMsgId
  }

  /** A message that was acknowledged; of the last ones, so that it may still be unread. */
  const recent = () => random.pick(history.sends.filter(({ seq }) => seq !== undefined).slice(-8))

  const pending = () => history.commands.filter(({ cmdId, isReliable }) =>
    isReliable && cmdId !== undefined && !history.completes.some(complete => complete.cmdId === cmdId))

  // what has nothing to be done to makes something
  const acts: Record<Act, () => Promise<unknown>> = {
    send: () => send(),
    async read () {
      const message = recent()
      if (!message) return void await send()
      const userId = random.pick(talks.find(({ conversationId }) => conversationId === message.conversationId)?.members ?? [])
      if (!message.seq || userId === undefined) return
      const body = { conversationId: message.conversationId, upToSeq: message.seq }
      await ask(history.reads, { userId, ...body }, { path: '/v1/up/cmd/read', as: tokens[userId], body })
    },
    async revoke () {
      const message = recent()
      if (!message?.seq) return void await send()
      const { conversationId, seq, clientMsgId, userId } = message
      await ask(history.revokes, { conversationId, seq, clientMsgId }, {
        path: '/v1/up/cmd/revoke',
        as: tokens[userId as UserId],
        body: { conversationId, seq }
      })
    },
    async command () {
      if (history.commands.filter(({ isReliable }) => isReliable).length - history.completes.length > MAX_COMMANDS) {
        return void (pending().length > 0 && await acts.complete())
      }
      const [from, to] = random.pick([['alice', 'bob'], ['bob', 'carol'], ['carol', 'alice']] as const)
      const clientCmdId = `c${++count}`
      const [command, body] = await ask(history.commands, { clientCmdId, to, isReliable: true },
        {
          path: '/v1/up/cmd/iris-cmd-send',
          as: tokens[from],
          body: { clientCmdId, name: 'nudge', data: { n: clientCmdId }, to: { users: [to] }, mode: 'reliable' }
        })
      if (body) Object.assign(command, { cmdId: String(body['cmdId']), stored: Number(body['stored']) })
    },
    async typing () {
      const clientCmdId = `t${++count}`
      await ask(history.commands, { clientCmdId, to: 'bob', isReliable: false },
        {
          path: '/v1/up/cmd/iris-cmd-send',
          as: tokens.alice,
          body: { clientCmdId, name: 'typing', data: { n: clientCmdId }, to: { users: ['bob'] } }
        })
    },
    async complete () {
      const command = random.pick(pending())
      if (!command?.cmdId) return void await acts.command()
      const { to, cmdId } = command
      await ask(history.completes, { userId: to, cmdId }, {
        path: '/v1/up/cmd/cmd-complete',
        as: tokens[to as UserId],
        body: { ids: [cmdId] }
      })
    },
    async kick () {
      const { userId, terminalId } = random.pick(history.stretches.slice(-20)) ?? {}
      if (userId === undefined || terminalId === undefined) return
      await ask(history.kicks, { userId, terminalId }, {
        path: `/v1/server/users/${userId}/kick`,
        key: `k${++count}`,
        body: { terminals: [terminalId], reason: 'a trial' }
      })
    },
    async door () {
      if (isDoorBusy) return
      isDoorBusy = true
      const stay = history.stays.findLast(({ userId, conversationId }) => userId === 'dave' && conversationId === DOOR)
      const path = `/v1/server/conversations/${DOOR}/members`
      const [key, at] = [`d${++count}`, random.int(0, 9)]
      if (stay && stay.leaving === undefined) {
        stay.leaving = performance.now()
        await surely(world, { began: 0 }, { path, key, body: { remove: ['dave'] } }, at)
      } else if (await surely(world, { began: 0 }, { path, key, body: { add: [{ userId: 'dave', role: 'member' }] } }, at)) {
        history.stays.push({ userId: 'dave', conversationId: DOOR, joined: performance.now() })
      }
      isDoorBusy = false
    }
  }

  async function lane (pauseMs: number): Promise<void> {
    while (!stopped.signal.aborted && !world.isOver()) {
      await acts[random.pick(deck)]()
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  }

  return {
    async act (name: Act): Promise<void> {
      const acting = acts[name]()
      running.push(acting)
      await acting
    },
    /**
     * A message in each conversation, that all who are in it must see.
     * @param at the node that is asked first.
     * @returns who must see what.
     */
    mark: async (at?: number) => await Promise.all(
      talks.map(async talk => ({ ...talk, began: performance.now(), clientMsgId: await send(talk, talk.members[0], at) }))
    ),
    run (lanes: number, pauseMs: number): void { for (let i = 0; i < lanes; i++) running.push(lane(pauseMs)) },
    async stop (): Promise<void> {
      stopped.abort()
      await Promise.all(running)
    }
  }
}
