// A client that is connected for long: what it remembers has bounds, whatever comes down, and whoever listens.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { Frame } from '../../src/client/index.js'
import { connect } from '../helper/client.js'
import { createScripted, tokenFor } from '../helper/scripted.js'
import { stopTime } from '../helper/stopped.js'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const { pass, turn } = stopTime(t)

/** So many events are told. */
const EVENTS = 100_000
/** What remembers an id of each message, or more, is above. */
const MAX_BYTES = 2_000_000

t.test('100,000 events, of all kinds, none like another: the heap does not grow with them', async t => {
  const { say, cmd, options, requests, facts } = createScripted()
  const kept = new Map<string, string>()
  const storage = { get: (key: string) => kept.get(key), set (key: string, value: string) { kept.set(key, value) } }
  const client = connect({ ...options, storage, token: () => tokenFor('alice') })
  t.teardown(() => client.close())
  await pass(1)
  let heard = 0
  for (const name of ['message', 'command', 'read', 'presence', 'completed'] as const) client.on(name, () => { heard++ })
  const slow = client[Symbol.asyncIterator]() // its loop has stopped, and nobody says so
  void slow.next()

  const text = 'x'.repeat(100)
  const command = (cmdId: string, data: object): Frame => ({ event: 'CMD_DOWN', data: { cmdId, name: 'nudge', data: { text }, ...data } })
  /** Each event is of its own conversation, message, command or user. */
  const kinds = [
    (i: number) => ({
      event: 'MSG_DOWN',
      id: `1-${++facts.end}`,
      data: { conversationId: `g.${text}.${i}`, seq: 1, msgId: `${text}-${i}`, from: 'bob', type: 'text', content: { text } }
    }),
    (i: number) => command(`k-${i}`, { op: 'do', needComplete: false }),
    (i: number) => cmd('READ', { conversationId: `g.${i}`, readerId: `u-${i}`, readSeq: 1, text }),
    (i: number) => cmd('PRESENCE', { userId: `u-${i}`, online: true, since: i, text }),
    // the next but four says that it is completed
    (i: number) => i % 2 ? command(`${text}-${i - 5}`, { op: 'complete' }) : command(`${text}-${i}`, { op: 'do', needComplete: true })
  ]
  const run = async (from: number, to: number) => {
    for (let i = from; i < to; i += 500) {
      say(...Array.from({ length: 500 }, (_, j) => kinds[j % kinds.length]?.(i + j) as Frame))
      await turn()
      requests.length = 0
    }
  }

  const used = () => {
    gc()
    return process.memoryUsage().heapUsed
  }
  await run(0, 10_000)
  const before = used()
  await run(10_000, EVENTS)
  const grown = used() - before
  t.ok(heard >= EVENTS * 0.9, `${heard} were told`)
  t.ok(grown < MAX_BYTES, `${grown} bytes more`)
  t.ok([...kept.values()].join('').length < 1_000_000)
})
