// Names from the wire are only names: those that every JavaScript object knows from birth are tried in every place that takes one.
import t from 'tap'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { openPolls } from './helper/poll.js'
import { openSse, type SseEvent } from './helper/sse.js'
import { openWs } from './helper/ws.js'

const names = Object.getOwnPropertyNames(Object.prototype)
const iris = await startIris(t)

const doors = {
  sse: (query: string, headers: Record<string, string>) => openSse(`${iris.url}/v1/down/events?${query}`, { headers }),
  ws: (query: string, headers: Record<string, string>) => openWs(`${iris.url}/v1/ws?${query}`, { headers }),
  poll: (query: string, headers: Record<string, string>) => openPolls(`${iris.url}/v1/down/poll?${query}`, { headers })
}
const commandName = (name: string) => /^[A-Za-z]/.test(name) ? name : 'order'
const isOf = (name: string) =>
  ({ data }: SseEvent) => data['noticeId'] === name || data['clientCmdId'] === name || data['clientMsgId'] === name

t.test('[CMD-2] [COMPLETE-1] [ATTACH-3] as ids of users, terminals, groups, ' +
  'messages, commands, notices, requests, keys and names', async t => {
  const peer = await iris.user(t, 'peer')
  t.ok(names.includes('toString') && names.includes('__proto__'))
  await Promise.all(names.map(async name => {
    const user = await iris.user(t, name)
    const conversationId = `g.${name}`
    const members = [{ userId: 'peer', role: 'owner' }, { userId: name, role: 'member' }]
    t.equal((await iris.server('PUT', `conversations/${conversationId}`, { members })).status, 200, `group ${name}`)
    const message = { clientMsgId: name, terminalId: name }
    t.match([await peer.send(conversationId, 'hi', message), await peer.send(conversationId, 'hi', message)], [
      { status: 200, body: { duplicate: false } }, { status: 200, body: { duplicate: true } }
    ])
    const command = {
      clientCmdId: name, name: commandName(name), to: { users: [name] }, mode: 'reliable', collapseKey: name, complete: 'all'
    }
    t.match(await peer.command(command), { status: 200, body: { stored: 1 } })
    t.match(await iris.server('POST', 'notices', { noticeId: name, users: [name, 'peer'], content: {} }), {
      status: 200,
      body: { stored: 2 }
    })
    let cmdId
    for (const [door, open] of Object.entries(doors)) {
      const stream = await open(`terminalId=${name}`, { authorization: `Bearer ${user.token}` })
      await stream.next('IRIS.READY')
      const found = stream.events.filter(isOf(name))
      t.strictSame(found.map(({ event }) => event).sort(), ['CMD_DOWN', 'MSG_DOWN', 'NOTICE_DOWN'], `${door} ${name}`)
      cmdId = found.find(({ event }) => event === 'CMD_DOWN')?.data['cmdId']
      if (door === 'ws') t.match(await (stream as Awaited<ReturnType<typeof openWs>>).up(name, {}), { error: { code: 'NOT_FOUND' } })
      await stream.cut()
    }
    t.match((await user.cmdComplete({ ids: [cmdId] }, name)).body, { results: [{ state: 'completed' }] })
    t.match((await user.noticeComplete({ ids: [name] }, name)).body, { results: [{ id: name, state: 'completed' }] })
    t.match((await peer.noticeComplete({ ids: names }, name)).body, { results: { length: names.length } })
    t.match((await user.getReadMsg({ conversationId, requestId: name, deliver: 'inline' }, name)).body, { requestId: name, count: 1 })
    t.match((await user.read({ conversationId, upToSeq: 1 }, name)).body, { unread: 0 })
    t.match((await user.conversations()).body, { items: [{ conversationId }] })
    t.match((await iris.server('GET', `conversations/${conversationId}`)).body, { members: { length: 2 } })
    t.match((await iris.server('GET', `users/${name}/terminals`)).body, { items: [{ terminalId: name }] })
    t.match(await iris.server('POST', `users/${name}/kick`, { terminals: [name], reason: name }), { status: 200, body: { kicked: [name] } })
  }))
  t.match((await iris.server('POST', 'presence', { users: names })).body, { items: names.map(userId => ({ userId })) })
  t.equal((await fetch(`${iris.url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).status, 200)
})

t.test('[MSG-1] as names that are not known: of fields, of queries, of types, of codes', async t => {
  const user = await iris.user(t)
  const headers = { authorization: `Bearer ${user.token}`, 'content-type': 'application/json' }
  const post = async (body: string) => (await fetch(`${iris.url}/v1/up/msg`, { method: 'POST', headers, body })).status
  for (const name of names) {
    t.equal(await post(`{"clientMsgId":"c","to":"peer","type":${JSON.stringify(name)},"content":{}}`), 400, `type ${name}`)
    t.equal(
      await post(`{"clientMsgId":"c","to":"peer","type":"text","content":{"text":"x"},${JSON.stringify(name)}:1}`), 400, `field ${name}`
    )
    t.equal((await fetch(`${iris.url}/v1/conversations?${name}=1`, { headers })).status, 400, `query ${name}`)
    t.equal((await fetch(`${iris.url}/v1/${name}`, { headers })).status, 404, `address ${name}`)
  }
})
