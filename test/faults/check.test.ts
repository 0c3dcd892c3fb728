// The checker on histories written by hand: a sound one, and one wrong thing at a time.
import t from 'tap'
import { check } from './check/check.js'
import type { Kind } from './check/finding.js'
import { createHistory, type History, type Sight, type Stretch } from './record.js'

const G = 'g.all'
const message = (n: number, more: object = {}): Sight => ({
  at: 100 * n,
  event: 'MSG_DOWN',
  id: `7-${n}`,
  data: { conversationId: G, seq: n, clientMsgId: `m${n}`, type: 'text', content: { text: `text of m${n}` }, ...more }
})
const command = (cmdId: string, more: Partial<Sight> = {}): Sight => ({
  at: 350, event: 'CMD_DOWN', data: { cmdId, clientCmdId: cmdId, op: 'do', name: 'nudge' }, ...more
})
const stretch = (more: Partial<Stretch>): Stretch => ({
  userId: 'bob', terminalId: 'sse', transport: 'sse', node: 'a1', began: 0, tokenAt: 0, isReset: false, isReady: true, sights: [], ...more
})

/** Alice has sent three messages and a command to bob, who saw two of them before he was cut and the rest when he came back. */
function sound (): History {
  const history = createHistory()
  const sends = [1, 2, 3].map(n => ({
    began: 100 * n - 50,
    answered: 100 * n,
    node: 'a1',
    userId: 'alice',
    conversationId: G,
    clientMsgId: `m${n}`,
    text: `text of m${n}`,
    seq: n,
    epoch: '9'
  }))
  const messages = [1, 2, 3].map(n => ({ seq: n, type: 'text', from: 'alice', clientMsgId: `m${n}` }))
  history.sends.push(...sends)
  history.stays.push({ userId: 'bob', conversationId: G, joined: 1 })
  history.commands.push({ began: 300, answered: 310, node: 'a1', clientCmdId: 'c1', cmdId: 'c1', to: 'bob', isReliable: true, stored: 1 })
  history.truths.push({ userId: 'bob', conversationId: G, epoch: '9', minSeq: 1, headSeq: 3, readSeq: 1, unread: 2, messages })
  history.told = messages.map(({ seq }) => ({ type: 'message.sent', conversationId: G, seq }))
  history.faults.push({ name: 'a cut', from: 210, to: 220, hits: 1 })
  history.stretches.push(
    stretch({ sights: [message(1), message(2)] }),
    stretch({ began: 230, cursor: '7-2', recovered: true, sights: [message(3), command('c1', { id: '7-4' })] }),
    stretch({ terminalId: 'fresh-0', began: 500, sights: [...[2, 3].map(n => ({ ...message(n), id: undefined })), command('c1')] })
  )
  return history
}

const sights = (history: History, at: number) => (history.stretches[at] as Stretch).sights

const wrongs: [Kind, string, (history: History) => unknown][] = [
  ['silent gap', 'a number is left out', history => sights(history, 0).shift()],
  ['silent gap', 'a resume leaves one out', history => sights(history, 1).shift()],
  ['silent gap', 'what was seen is not there any more, and nobody said so',
    history => { history.truths[0]?.messages.splice(2, 1, { seq: 3, type: 'text', from: 'alice', clientMsgId: 'm4' }) }],
  [
    'double',
    'one message twice in the log',
    history => history.truths[0]?.messages.push({ seq: 4, type: 'text', from: 'alice', clientMsgId: 'm3' })
  ],
  [
    'double',
    'one id with two texts',
    history => sights(history, 2).push({ ...message(2, { clientMsgId: 'm1', content: { text: 'text of m1' } }) })
  ],
  ['double', 'one number for two messages', history => { Object.assign(history.sends[2] as object, { seq: 2 }) }],
  ['disorder', 'a number comes again', history => sights(history, 0).push(message(1))],
  ['lost', 'an acknowledged message is not in the log', history => history.truths[0]?.messages.pop()],
  ['lost', 'no event says of a message that it was sent', history => history.told?.pop()],
  ['lost', 'no event says of a message that it is revoked',
    history => { Object.assign(history.truths[0]?.messages[0] as object, { type: 'revoked' }) }],
  ['double', 'two events say the same', history => history.told?.push({ type: 'message.sent', conversationId: G, seq: 3 })],
  ['phantom', 'an event tells of what is not there', history => history.told?.push({ type: 'message.sent', conversationId: G, seq: 4 })],
  ['lost', 'an acknowledged message is never seen', history => sights(history, 1).splice(0)],
  ['lost', 'a pending command does not come', history => sights(history, 2).pop()],
  ['lost', 'a command whose completion was lost comes at one node only', history => {
    history.completes.push({ began: 305, userId: 'bob', cmdId: 'c1' })
    history.stretches.push(stretch({ terminalId: 'fresh-1', node: 'b1', sights: sights(history, 2).slice(0, 2) }))
  }],
  ['leak', 'a revoked text on a connection opened later',
    history => history.revokes.push({ began: 90, answered: 95, node: 'a1', conversationId: G, seq: 3, clientMsgId: 'm3' })],
  [
    'leak',
    'a completed command comes back',
    history => history.completes.push({ began: 320, answered: 330, node: 'a1', userId: 'bob', cmdId: 'c1' })
  ],
  [
    'leak',
    'an old token after a kick',
    history => history.kicks.push({ began: 10, answered: 20, node: 'a1', userId: 'bob', terminalId: 'sse' })
  ],
  [
    'phantom',
    'a text that nobody sent',
    history => { Object.assign(sights(history, 1)[0]?.data as object, { content: { text: 'other' } }) }
  ],
  ['counts', 'one unread too many', history => { Object.assign(history.truths[0] as object, { unread: 3 }) }],
  ['refused', 'a send that should have been taken',
    history => history.sends.push({ began: 1, userId: 'alice', conversationId: G, clientMsgId: 'm9', text: '', refused: '404 NOT_FOUND' })],
  ['stuck', 'a reader that is not live', history => history.stuck.push('bob/sse is not live')],
  ['never fired', 'a fault that met nothing', history => history.faults.push({ name: 'a stall', from: 1, to: 2, hits: 0 })]
]

t.test('a sound history has no finding', async t => t.same(check(sound()), []))

for (const [kind, what, spoil] of wrongs) {
  t.test(`${kind}: ${what}`, async t => {
    const history = sound()
    spoil(history)
    const found = check(history)
    t.ok(found.some(finding => finding.kind === kind), JSON.stringify(found))
  })
}

t.test('a store that has lost something, and said so, is forgiven', async t => {
  const history = sound()
  history.faults.push({ name: 'power lost', from: 310, to: 320, hits: 1, isLossy: true })
  history.truths[0]?.messages.pop()
  history.told?.pop()
  Object.assign(history.truths[0] as object, { headSeq: 2, unread: 1 })
  history.stretches.pop()
  t.ok(check(history).some(({ kind }) => kind === 'silent gap'), 'not while bob is not told')
  history.stretches.push(stretch({ began: 400, cursor: '7-4', recovered: false, isReset: true }))
  t.same(check(history), [])
})
