// Revoking while the message is being printed: the instant of a write against the instant of an answer, without HTTP. [DOWN-2]
import { randomUUID } from 'node:crypto'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import type { WebSocket } from 'ws'
import { operations } from '../../src/app.js'
import { createExecute } from '../../src/commands/execute.js'
import { defaultLimits } from '../../src/protocol/limits.js'
import { keys } from '../../src/store/keys.js'
import { sseComment, sseText } from '../../src/transports/frames.js'
import { WebSocketOut } from '../../src/transports/websocket-out.js'
import { createUp } from '../../src/transports/websocket-up.js'
import { upTo } from '../helper/sse.js'
import { dm } from '../helper/user.js'
import { startGateway } from '../helper/gateway.js'
import { startRedis } from '../helper/redis.js'

const { redis } = await startRedis(t)
const { context, hub } = await startGateway(t, redis)
const { deliver } = context

/** Two users who never met; `alice` writes to `bob`. */
function pair () {
  const [alice, bob] = [`a-${randomUUID()}`, `b-${randomUUID()}`]
  const conversationId = dm({ userId: alice }, { userId: bob })
  let forbidden: string | undefined
  const leaks: string[] = []

  /** Something is written to a reader. */
  function written (chunk: string): void { if (forbidden !== undefined && chunk.includes(forbidden)) leaks.push(forbidden) }

  return {
    bob,
    conversationId,
    leaks,

    send: (text: string) => deliver.message({
      conversationId,
      terminalId: 'x',
      fingerprint: 'f',
      nonce: 'n',
      quoteSeq: 0,
      silent: false,
      create: [alice, bob],
      draft: { from: alice, clientMsgId: randomUUID(), type: 'text', traceId: 't', rest: JSON.stringify({ text }) }
    }),

    /** From the answer on, `text` must not be written. */
    async revoke (seq: number, text: string): Promise<void> {
      await deliver.revocation({
        conversationId,
        by: alice,
        server: false,
        seq,
        reason: '',
        windowSec: 120,
        draft: '"cmdId":"k","op":"do","name":"REVOKE","needComplete":false,"traceId":"t"'
      })
      forbidden = text
    },

    written,

    /** A connection; `fill()` is a socket that takes nothing more until it is drained. */
    async open (cursor?: string, text: string[] = []) {
      let waiting = 0
      const write = (chunk: string) => {
        text.push(chunk)
        written(chunk)
      }
      const printer = { format: sseText, comment: sseComment, write, backlog: () => waiting, end: write }
      const connection = await hub.attach({
        userId: bob,
        terminalId: 't',
        platform: 'web',
        issuedAt: 0,
        expiresAt: Infinity,
        traceId: 't',
        printer,
        ...(cursor !== undefined && { cursor })
      })
      return {
        text,
        fill () { waiting = Infinity },
        drain () {
          waiting = 0
          connection?.wake()
        },
        close: () => connection?.gone()
      }
    }
  }
}

/** @returns how many turns of the loop that took. */
async function until (text: string[], pattern: RegExp): Promise<number> {
  let turns = 0
  for (; !pattern.test(text.join('')); turns++) await turn()
  return turns
}

const ROUNDS = 80

/** So many turns an attach takes here and now: the revocations of the rounds are spread over them and a little beyond. */
async function attachTurns (): Promise<number> {
  const { send, open } = pair()
  await send('first')
  const text: string[] = []
  const opening = open(undefined, text)
  const turns = await until(text, /IRIS\.READY/)
  ;(await opening).close()
  return turns
}

for (const way of ['mailbox', 'replay', 'history', 'live'] as const) {
  t.test(`[DOWN-2] ${ROUNDS} rounds of REVOKE against ${way}: no text is written after the answer`, async t => {
    let tombstones = 0
    let texts = 0
    const span = await attachTurns()
    for (let round = 0; round < ROUNDS; round++) {
      const { bob, conversationId, leaks, send, revoke, open } = pair()
      const total = 20
      const seq = 1 + round % total
      const canary = `"canary-${seq}"`
      const early = way === 'history' || way === 'live' ? await open() : undefined
      if (early && way === 'live') {
        await until(early.text, /IRIS\.READY/)
        early.fill()
      }
      for (const i of upTo(total)) await send(`canary-${i}`)
      const beginning = way === 'replay'
        ? `${String((await redis.xrange(keys.down(bob), '-', '+', 'COUNT', 1))[0]?.[0]).split('-')[0]}-0`
        : undefined
      const before = early?.text.length ?? 0

      const printing = {
        mailbox: async () => await open(),
        replay: async () => await open(beginning),
        history: async () =>
          await deliver.page(bob, 't', { requestId: 'r', conversationId, firstSeq: 1, count: total, hasMore: false, traceId: 't' }),
        live: async () => {
          for (let i = (round * 5) % 7; i > 0; i--) await turn()
          early?.drain()
        }
      }[way]()
      for (let i = span * (round % 8) / 6; i > 0; i--) await turn()
      await revoke(seq, canary)
      const opened = early ?? await printing as Awaited<ReturnType<typeof open>>
      await printing
      await until(opened.text, { mailbox: /IRIS\.READY/, replay: /IRIS\.READY/, history: /GET_READ_MSG_END/, live: /"name":"REVOKE"/ }[way])
      t.strictSame(leaks, [], `round ${round}`)
      if (opened.text.slice(before).join('').includes(canary)) texts++
      else tombstones++
      opened.close()
    }
    if (way !== 'live') t.ok(tombstones > 0 && texts > 0, `it was a race: ${texts} texts, ${tombstones} tombstones`)
  })
}

const take = createUp({
  upNames: new Set(operations.map(({ name }) => name)),
  execute: createExecute(operations, context, defaultLimits),
  now: context.now,
  admission: context.admission
}, Fastify().log)

/** A WebSocket of a user's. @returns `ask` sends a command; what leaves is told to `onWrite`. */
function openUp (userId: string, onWrite: (text: string) => void) {
  const stream = new Duplex({
    read () {},
    write (chunk, _encoding, done) {
      onWrite(String(chunk))
      done()
    }
  })
  const socket = { readyState: 1, OPEN: 1, bufferedAmount: 0 } as WebSocket
  const out = new WebSocketOut(socket, stream, { drained () {}, report: { bye: undefined } })
  const sender = {
    reader: { userId, terminalId: 't', platform: 'web', issuedAt: 0, expiresAt: Infinity } as const,
    life: { issuedAt: 0, expiresAt: Infinity },
    out,
    pace: { rest () {} },
    brokenFrames: 0,
    onBroken () {}
  }
  return { ask: async (up: string, body: object) => await take(sender, Buffer.from(JSON.stringify({ up, requestId: 'r', body }))) }
}

/** So many steps of the promises. */
async function ticks (count: number): Promise<void> { for (let i = 0; i < count; i++) await Promise.resolve() }

/** Holds the word of the store to `owner[name]` until something has happened. @returns what ends that. */
function hold<Name extends string> (
  owner: Record<Name, (...args: never[]) => Promise<unknown>>, name: Name, until: () => Promise<unknown>
): () => void {
  const own = owner[name]
  owner[name] = async (...args: never[]) => {
    const read = await own.apply(owner, args)
    await until()
    return read
  }
  return () => { owner[name] = own }
}

for (const [up, owner, name, bodyOf] of [
  ['GET_READ_MSG', context.conversations, 'bodies', (conversationId: string) => ({ conversationId, deliver: 'inline' })],
  ['REST_READ_NUM_AND_LAST_MSG', context.lists, 'lastMessages', (conversationId: string) => ({ items: [{ conversationId }] })]
] as const) {
  t.test(`[DOWN-2] ${up} up a WebSocket, looked at as a REVOKE comes: a text leaves before its answer`, async t => {
    let tombstones = 0
    let texts = 0
    for (let late = -20; late <= 20; late++) {
      const { bob, conversationId, leaks, send, revoke, written } = pair()
      await send('canary')
      const answers: string[] = []
      const { ask } = openUp(bob, text => {
        answers.push(text)
        written(text)
      })
      let goOn: () => void = () => undefined
      const recalled = new Promise<void>(resolve => { goOn = resolve })
      let isRead: () => void = () => undefined
      const read = new Promise<void>(resolve => { isRead = resolve })
      // both have their word from Redis: what follows of each is decided within this process
      const free = [
        hold(owner as never, name, async () => {
          isRead()
          await recalled
          await ticks(late)
        }),
        hold(context.conversations as never, 'revoke', async () => {
          goOn()
          await ticks(-late)
        })
      ]
      const asking = ask(up, bodyOf(conversationId))
      await read
      await revoke(1, 'canary')
      await asking
      for (const each of free) each()
      await until(answers, /ACK_DOWN/)
      t.strictSame(leaks, [], `${late} ticks`)
      if (answers.join('').includes('canary')) texts++
      else tombstones++
    }
    t.ok(tombstones > 0 && texts > 0, `it was a race: ${texts} texts, ${tombstones} tombstones`)
  })
}
