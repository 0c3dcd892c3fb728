// Server API: the messages of a conversation, in pages and as lines. [SERVER-4] [SERVER-5]
import t from 'tap'
import { openLines } from '../../src/stream/reading.js'
import { SERVER_KEY, startIris } from '../helper/iris.js'
import { upTo } from '../helper/sse.js'
import { dm, groupOf, pointers, three, two } from '../helper/user.js'

interface Shown { seq: number, type: string, content?: { text?: string } }
interface Page { items: Shown[], next?: string, epoch: string, headSeq: number, minSeq: number }

const iris = await startIris(t)

async function page (id: string, query = ''): Promise<Page> {
  const { status, body } = await iris.server('GET', `conversations/${id}/messages?${query}`)
  if (status !== 200) throw new Error(`${query}: ${JSON.stringify(body)}`)
  return body as unknown as Page
}

/** Follows the pages. @returns the seqs of each. */
async function walk (id: string, query: string): Promise<number[][]> {
  const pages: number[][] = []
  for (let after = ''; ;) {
    const { items, next } = await page(id, query + (after && `&after=${after}`))
    pages.push(items.map(({ seq }) => seq))
    if (next === undefined) return pages
    after = next
  }
}

const lines = async (id: string, query = '', accept = 'application/x-ndjson') =>
  await fetch(`${iris.url}/v1/server/conversations/${id}/messages?${query}`, {
    headers: { authorization: `Bearer ${SERVER_KEY}`, accept, 'trace-id': 'lines' }
  })
const parse = (text: string) => text.trimEnd().split('\n').map(line => JSON.parse(line) as Shown & Record<string, unknown>)

t.test('[SERVER-4] [SERVER-1] pages go either way to the end, within their bounds; a page rises', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  for (const i of upTo(7)) await alice.send(bob, `m${i}`)
  for (const [query, expected] of [
    ['', [[1, 2, 3, 4, 5, 6, 7]]], ['limit=3', [[1, 2, 3], [4, 5, 6], [7]]], ['limit=3&direction=older', [[5, 6, 7], [2, 3, 4], [1]]],
    ['limit=2&fromSeq=3&toSeq=5', [[3, 4], [5]]], ['limit=2&fromSeq=3&toSeq=5&direction=older', [[4, 5], [3]]], ['fromSeq=8', [[]]],
    ['after=5', [[6, 7]]], ['after=3&direction=older', [[1, 2]]], ['limit=7', [[1, 2, 3, 4, 5, 6, 7]]], ['after=7', [[]]]
  ] as const) {
    t.same(await walk(id, query), expected, query)
  }
  t.match(await page(id), { headSeq: 7, minSeq: 1, items: [{ content: { text: 'm1' } }] })
  t.match((await bob.conversations()).body, { totalUnread: 7 }, 'looking reads nothing')
})

t.test('[SERVER-4] of some types alone; a page looks at so many, and the next goes on behind them', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  for (const i of upTo(6)) await alice.send(bob, `m${i}`)
  await alice.msgUp({ clientMsgId: 'card', to: bob.userId, type: 'card', content: { title: 'Order 7' } })
  await alice.revoke({ conversationId: id, seq: 2 })
  t.same(await walk(id, 'types=card'), [[7]])
  t.same(await walk(id, 'types=revoked,card&direction=older&limit=1'), [[7], [2], []])
  t.same(await walk(id, 'types=text'), [[1, 3, 4, 5, 6]])
  t.same((await page(id, 'types=revoked')).items[0]?.content, undefined, 'of what is recalled there is no text')
  for (let i = 0; i < 520; i += 40) await Promise.all(upTo(40).map(n => alice.send(bob, `${i}.${n}`)))
  const far = await walk(id, 'types=card&direction=older')
  t.same([far.length > 1, far.flat()], [true, [7]])
})

t.test('[SERVER-4] as a user sees it: from his joining on, up to his leaving', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  await alice.send(id, 'one')
  await alice.send(id, 'two')
  await iris.server('POST', `conversations/${id}/members`, { add: [{ userId: carol.userId }], remove: [bob.userId] })
  await alice.send(id, 'three')
  t.same(await walk(id, ''), [[1, 2, 3]])
  t.same(await walk(id, `user=${bob.userId}`), [[1, 2]])
  t.same(await walk(id, `user=${carol.userId}`), [[3]])
  t.match(await page(id, `user=${carol.userId}`), { minSeq: 3, headSeq: 3 })
  t.same(parse(await (await lines(id, `user=${bob.userId}`)).text()).map(({ seq }) => seq), [1, 2, undefined])
  const stranger = { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } }
  t.match(await iris.server('GET', `conversations/${id}/messages?user=nobody`), stranger)
  t.match(await iris.server('GET', 'conversations/g.none/messages'), stranger)
  t.equal((await lines(id, 'user=nobody')).status, 404, 'before the first line there is a status')
})

t.test('[SERVER-1] [SERVER-4] a query that is wrong is 400 and named, as is a place in a log that is no more', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'hi')
  for (const [query, pointer] of [
    ['types=text,poke', '/types'], ['types=', '/types'], ['fromSeq=2&toSeq=1', '/fromSeq'], ['fromSeq=0', '/fromSeq'],
    ['toSeq=x', '/toSeq'], ['limit=101', '/limit'], ['limit=0', '/limit'], ['direction=up', '/direction'], ['after=x', '/after'],
    ['after=1:1', '/after'], ['user=a%20b', '/user'], ['colour=red', '/colour'], ['limit=1&limit=2', '/limit']
  ] as const) {
    const answer = await iris.server('GET', `conversations/${dm(alice, bob)}/messages?${query}`)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_QUERY', [pointer]], query)
  }
})

t.test('[SERVER-5] the same as lines, for who asks for them: all, or so many, and the last says that it is', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  for (const i of upTo(150)) await alice.send(bob, `m${i}`)
  await alice.revoke({ conversationId: id, seq: 2 })
  const answer = await lines(id)
  t.match(answer.headers.get('content-type'), /^application\/x-ndjson/)
  t.same([answer.headers.get('trace-id'), answer.headers.get('vary'), answer.headers.get('cache-control')], ['lines', 'Accept', 'no-store'])
  const all = parse(await answer.text())
  const { epoch } = await page(id)
  t.same(all.pop(), { end: true, conversationId: id, epoch, count: 150 })
  t.same(all, [...(await page(id, 'limit=100')).items, ...(await page(id, 'limit=100&after=100')).items])
  t.match(all[1], { type: 'revoked', content: undefined })
  const three = parse(await (await lines(id, 'direction=older&limit=3&types=text')).text())
  t.same(three.map(({ seq }) => seq), [150, 149, 148, undefined])
  t.same(three.at(-1), { end: true, conversationId: id, epoch, count: 3, next: `${epoch}:148` })
  t.same(parse(await (await lines(id, 'fromSeq=200')).text()), [{ end: true, conversationId: id, epoch, count: 0 }])
  for (const [accept, isInLines] of [
    ['application/x-ndjson', true], ['APPLICATION/X-NDJSON; q=0.5', true], ['application/json, application/x-ndjson', true],
    ['text/html, */*', false], ['application/json;q=0.9, application/x-ndjson;q=0.2', false], ['application/x-ndjson;q=0', false],
    ['application/x-ndjsonp', false], ['', false]
  ] as const) {
    const type = (await lines(id, 'limit=1', accept)).headers.get('content-type')
    t.equal(type?.startsWith('application/x-ndjson'), isInLines, accept)
  }
  const head = await fetch(`${iris.url}/v1/server/conversations/${id}/messages`, {
    method: 'HEAD', headers: { authorization: `Bearer ${SERVER_KEY}`, accept: 'application/x-ndjson' }
  })
  t.same([head.status, head.headers.get('content-type')?.slice(0, 20), await head.text()], [200, 'application/x-ndjson', ''])
})

t.test('[SERVER-5] [DOWN-2] what is recalled between the look and the line is not in it; what is not taken comes again', async t => {
  const bodies = upTo(3).map(seq => JSON.stringify({ conversationId: 'g.1', seq, type: 'text', content: { text: `t${seq}` } }))
  const revoked = new Set<number>()
  const asked: number[][] = []
  const view = { conversationId: 'g.1', kind: 'group' as const, title: '', epoch: '1', minSeq: 1, headSeq: 3, joinedSeq: 1, closedAt: 0 }
  const { step, next } = await openLines({ conversationId: 'g.1', newer: true }, {
    conversations: {
      view: async () => view,
      async bodies (_id, seqs) {
        asked.push(seqs)
        return seqs.map(seq => bodies[seq - 1] ?? null)
      }
    },
    fresh: async ask => await ask(),
    shown: ({ content, ...message }) => revoked.has(message.seq) ? { ...message, type: 'revoked' } : { ...message, content: content ?? {} }
  })
  const taken: string[] = []
  ;(await step())?.(line => taken.push(line) > 0)
  const read = await step()
  revoked.add(2)
  read?.(line => taken.length < 2 && taken.push(line) > 0)
  t.same(taken.map(line => (JSON.parse(line) as Shown).type), ['text', 'revoked'])
  t.notMatch(taken.join(), /t2/)
  t.equal(next(), '1:2')
  ;(await step())?.(line => taken.push(line) > 0)
  t.same(asked, [[1], [2, 3], [3]])
  view.epoch = '2'
  ;(await step())?.(line => taken.push(line) > 0)
  t.match(JSON.parse(taken.at(-1) ?? ''), { end: true, count: 3, epoch: '1' })
  t.equal(await step(), undefined)
})
