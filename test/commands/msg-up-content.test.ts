// MSG_UP: what each message type takes, and what is refused by name of the field. Section 5
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { dm, pointers, two } from '../helper/user.js'

const iris = await startIris(t)
const server = async (from: string, to: string, body: object) => await iris.server('POST', 'messages', { from, to, ...body })
const url = 'https://files.example/7'
const long = (chars: number) => 'x'.repeat(chars)

/** By type: contents that are taken, contents that are refused with the pointer of the broken rule. */
const cases: Record<string, { good: object[], bad: [content: unknown, pointer: string][] }> = {
  text: {
    good: [{ text: 'x' }, { text: long(16_384 - 11) }],
    bad: [
      [{}, '/content/text'], [{ text: '' }, '/content/text'], [{ text: 1 }, '/content/text'], [{ text: 'x', html: 'x' }, '/content/html'],
      [{ text: long(16_384 - 10) }, '/content'], ['x', '/content'], [null, '/content'], [[], '/content']
    ]
  },
  image: {
    good: [{ url }, { url, width: 0, height: 2, size: 3, mime: 'image/svg+xml' }],
    bad: [
      [{}, '/content/url'], [{ url: 'javascript:alert(1)' }, '/content/url'], [{ url: 'ftp://x' }, '/content/url'],
      [{ url, width: -1 }, '/content/width'], [{ url, mime: 'x' }, '/content/mime'], [{ url, alt: 'x' }, '/content/alt']
    ]
  },
  audio: {
    good: [{ url, durationMs: 0 }, { url, durationMs: 5, size: 1, mime: 'audio/ogg' }],
    bad: [
      [{ url }, '/content/durationMs'], [{ url, durationMs: 1.5 }, '/content/durationMs'], [{ url, durationMs: '1' }, '/content/durationMs']
    ]
  },
  video: {
    good: [{ url }, { url, durationMs: 1, posterUrl: url, width: 1, height: 1, size: 1, mime: 'video/mp4' }],
    bad: [[{ durationMs: 1 }, '/content/url'], [{ url, posterUrl: 'data:x' }, '/content/posterUrl']]
  },
  file: {
    good: [{ url, name: 'a.pdf', size: 7 }],
    bad: [
      [{ url, name: 'a.pdf' }, '/content/size'], [{ url, size: 7 }, '/content/name'], [{ url, name: '', size: 7 }, '/content/name'],
      [{ url, name: long(256), size: 7 }, '/content/name']
    ]
  },
  location: {
    good: [{ latitude: -90, longitude: 180 }, { latitude: 0.5, longitude: 0, title: 'here' }],
    bad: [
      [{ latitude: 91, longitude: 0 }, '/content/latitude'],
      [{ latitude: 0, longitude: -180.1 }, '/content/longitude'],
      [{ latitude: 0 }, '/content/longitude']
    ]
  },
  card: { good: [{ title: 'order', price: { value: 1 } }], bad: [[{ price: 1 }, '/content/title'], [{ title: '' }, '/content/title']] },
  custom: { good: [{}, { any: [null, { thing: true }] }], bad: [['x', '/content'], [{ text: long(16_384) }, '/content']] }
}

for (const [type, { good, bad }] of Object.entries(cases)) {
  t.test(`[MSG-1] ${type}: ${good.length} contents are taken as they stand, ${bad.length} are refused`, async t => {
    const [alice, bob] = await two(() => iris.user(t))
    for (const [i, content] of good.entries()) {
      const { status, body } = await alice.msgUp({ clientMsgId: `c-${i}`, to: bob.userId, type, content })
      t.strictSame([status, body.seq], [200, i + 1])
    }
    for (const [content, pointer] of bad) {
      const answer = await alice.msgUp({ clientMsgId: 'bad', to: bob.userId, type, content })
      t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]], JSON.stringify(content)
        .slice(0, 80))
    }
    const { body } = await bob.getReadMsg({ conversationId: dm(alice, bob), direction: 'newer' })
    t.strictSame((body['messages'] as { type: string, content: unknown }[]).map(message => [message.type, message.content]),
      good.map(content => [type, content]))
  })
}

t.test('[MSG-1] what a sender writes beside type and content is checked member by member', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const sent = { clientMsgId: 'c-1', to: bob.userId, type: 'text', content: { text: 'x' } }
  const deep = (levels: number): object => levels === 0 ? {} : { a: deep(levels - 1) }
  const bad: [change: object, pointer: string][] = [
    [{ clientMsgId: undefined }, '/clientMsgId'],
    [{ clientMsgId: '' }, '/clientMsgId'],
    [{ clientMsgId: 'a b' }, '/clientMsgId'],
    [{ clientMsgId: long(65) }, '/clientMsgId'],
    [{ type: undefined }, '/type'], [{ type: 'system' }, '/type'], [{ type: 'revoked' }, '/type'], [{ type: 'toString' }, '/type'],
    [{ type: 7 }, '/type'],
    [{ content: undefined }, '/content'], [{ surprise: 1 }, '/surprise'], [{ from: bob.userId }, '/from'], [{ source: 'live' }, '/source'],
    [{ seq: 7 }, '/seq'],
    [{ to: undefined }, '/to'], [{ conversationId: dm(alice, bob) }, '/conversationId'], [{ to: alice.userId }, '/to'],
    [{ to: 'system' }, '/to'], [{ to: 'a.b' }, '/to'], [{ to: '' }, '/to'],
    [{ to: undefined, conversationId: 'g.{1}' }, '/conversationId'], [{ to: undefined, conversationId: '' }, '/conversationId'],
    [{ ext: 'x' }, '/ext'], [{ ext: [] }, '/ext'], [{ ext: { text: long(4_096 - 10) } }, '/ext'], [{ ext: deep(32) }, '/ext'],
    [{ mentions: 'bob' }, '/mentions'],
    [{ mentions: ['bob', 'bob'] }, '/mentions'],
    [{ mentions: Array.from({ length: 101 }, (_, i) => `u${i}`) }, '/mentions'],
    [{ quote: 1 }, '/quote'],
    [{ quote: { seq: 0 } }, '/quote/seq'],
    [{ quote: { seq: 1.5 } }, '/quote/seq'],
    [{ quote: { seq: 1, text: 'x' } }, '/quote/text'],
    [{ options: { silent: 'yes' } }, '/options/silent'], [{ options: { loud: true } }, '/options/loud']
  ]
  for (const [change, pointer] of bad) {
    const answer = await alice.msgUp({ ...sent, ...change })
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]], JSON.stringify(change).slice(0, 80))
  }
  t.equal((await alice.msgUp({ ...sent, mentions: ['a.b'] })).status, 400, 'not a user id')
  t.match(await alice.post('/v1/up/msg', '[1'), { status: 400, body: { code: 'INVALID_JSON' } })
  t.match(await alice.post('/v1/up/msg', sent, { 'content-type': 'text/plain' }), { status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } })
  t.match(await alice.msgUp({ ...sent, ext: { text: long(65_536) } }), { status: 413, body: { code: 'BODY_TOO_LARGE' } })
  t.equal((await alice.send(bob, 'the first')).body.seq, 1, 'nothing of it was stored')
})

t.test('[MSG-1] the largest of everything fits', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const mentions = Array.from({ length: 100 }, (_, i) => `u${i}`)
  const body = { clientMsgId: long(64), type: 'text', content: { text: 'x' }, ext: { text: long(4_096 - 11) }, mentions, options: {} }
  t.equal((await alice.msgUp({ to: bob.userId, ...body })).status, 200)
  t.match(await server(alice.userId, bob.userId, body), { status: 200, body: { duplicate: true } }, 'the server API reads the same content')
})

t.test('[MSG-1] text that looks like JSON, Lua or Redis is text', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await bob.listen()
  const texts = [
    '","seq":99,"x":"', ']] redis.call("FLUSHALL") --', '%s %d %', '\u0000\u2028\u2029', '"name":"REVOKE"', '\\"}\n\ndata: x\n\n'
  ]
  for (const text of texts) await alice.send(bob, text)
  for (const [i, text] of texts.entries()) t.match((await stream.next('MSG_DOWN')).data, { seq: i + 1, content: { text } })
})
