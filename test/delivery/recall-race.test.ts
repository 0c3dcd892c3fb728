// Revoking while the message is being printed: the instant of a write against the instant of an answer, without HTTP. [DOWN-2]
import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createGateway } from '../../src/gateway.js'
import { defaultLimits } from '../../src/protocol/limits.js'
import { keys } from '../../src/store/keys.js'
import { sseComment, sseText } from '../../src/transports/frames.js'
import { upTo } from '../helper/sse.js'
import { dm, until as comesTrue } from '../helper/user.js'
import { startRedis } from '../helper/redis.js'

const { redis } = await startRedis(t)
const tokens = { mint: async () => ({ token: '', expiresAt: 0 }), verify: async () => ({ userId: '', issuedAt: 0, expiresAt: 0 }) }
const gateway = createGateway({
  redis, node: 'n', limits: defaultLimits, loginPolicy: 'multi', tokens, log: { info () {}, warn () {}, error () {} }
})
t.teardown(() => gateway.stop())
await comesTrue(async () => gateway.unready() === undefined || undefined)
const { context: { deliver }, hub } = gateway

/** Two users who never met; `alice` writes to `bob`. */
function pair () {
  const [alice, bob] = [`a-${randomUUID()}`, `b-${randomUUID()}`]
  const conversationId = dm({ userId: alice }, { userId: bob })
  let forbidden: string | undefined
  const leaks: string[] = []
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

    /** A connection; `fill()` is a socket that takes nothing more until it is drained. */
    async open (cursor?: string, text: string[] = []) {
      let waiting = 0
      const write = (chunk: string) => {
        text.push(chunk)
        if (forbidden !== undefined && chunk.includes(forbidden)) leaks.push(forbidden)
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

const ROUNDS = 150

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
