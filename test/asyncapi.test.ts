// The AsyncAPI document: what is in openapi/, what the server answers and what the definitions say are one thing.
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { operations } from '../src/app.js'
import { commands } from '../src/commands/index.js'
import { asyncDocumentOf } from '../src/plugins/openapi.js'
import { byes, events, gatewayCommands } from '../src/protocol/events.js'
import { defaultLimits } from '../src/protocol/limits.js'
import { downName, volatileCommands, wireCommands, wireSchemas } from '../src/protocol/wire-commands.js'
import { startIris } from './helper/iris.js'
import { dm, two } from './helper/user.js'

type Json = Record<string, unknown>
interface Ref { $ref: string }
interface Example { headers?: Json, payload?: Json }
interface Message { name: string, summary: string, tags: Ref[], headers?: Json, payload?: Json, examples: Example[] }
interface Channel {
  address: string
  description: string
  messages: Record<string, Message>
  bindings?: { ws: { query: { properties: Json } } }
}
interface Operation { action: 'send' | 'receive', channel: Ref, messages: Ref[], reply?: { messages: Ref[] } }
interface Document {
  asyncapi: string
  channels: { downEvents: Channel, webSocket: Channel }
  operations: Record<string, Operation>
  components: { schemas: Record<string, Json> }
}

const file = (name: string) => readFileSync(new URL(`../../openapi/${name}`, import.meta.url), 'utf8')
const iris = await startIris(t)
const served = await (await fetch(`${iris.url}/asyncapi.json`)).json() as Document
const channels = Object.entries<Channel>(served.channels)
const wireNames = [...Object.keys(events), ...Object.keys(wireSchemas), ...Object.keys(gatewayCommands)]

/** What a local reference names; undefined when there is nothing. */
function resolve ($ref: string): unknown {
  const parts = $ref.replace(/^#\//, '').split('/').map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return parts.reduce((value: unknown, part) => (value as Json | undefined)?.[part], served)
}

function * refs (value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref' && typeof item === 'string') yield item
    else yield * refs(item)
  }
}

t.test('openapi/ does not drift: run npm run openapi', async t => {
  t.same(JSON.parse(file('asyncapi.json')), served)
  t.same(parse(file('asyncapi.yaml')), served)
  t.equal(served.asyncapi, '3.0.0')
})

t.test('every reference resolves', async t => {
  const all = [...new Set(refs(served))]
  t.ok(all.length > 50)
  t.same(all.filter($ref => !$ref.startsWith('#/') || resolve($ref) === undefined), [])
})

t.test('[POLL-1] both channels bring every event and every command of the gateway, each received by an operation', async t => {
  t.same(channels.map(([, { address }]) => address), ['/v1/down/events', '/v1/ws'])
  for (const [name, { messages }] of channels) {
    for (const wireName of [...wireNames, 'CURSOR']) {
      t.ok(messages[wireName], `${name} ${wireName}`)
      t.match(served.operations[`${name}_${wireName.replaceAll('.', '_')}`], {
        action: 'receive',
        channel: { $ref: `#/channels/${name}` },
        messages: [{ $ref: `#/channels/${name}/messages/${wireName}` }]
      })
    }
  }
  t.same(Object.keys(served.channels.downEvents.messages), [...wireNames, 'CURSOR'])
})

t.test('every up-command goes up as a frame, and names its answers', async t => {
  const { messages } = served.channels.webSocket
  const base = '#/channels/webSocket/messages/'
  const up = operations.filter(({ tag }) => tag === 'Up')
  t.ok(commands.every(({ name }) => up.some(operation => operation.name === name)))
  for (const { name, example } of up) {
    t.match(served.operations[`webSocket_${name}`], {
      action: 'send',
      messages: [{ $ref: base + name }],
      reply: { messages: [{ $ref: `${base}${name}_ACK` }, { $ref: `${base}PROBLEM` }] }
    })
    t.match(messages[name]?.examples, [{ payload: { up: name, requestId: 'r-1', body: example.body } }])
    t.match(messages[`${name}_ACK`]?.examples, [{ payload: { event: 'ACK_DOWN', requestId: 'r-1', data: example.result } }])
  }
  const sent = Object.entries(served.operations).filter(([, { action }]) => action === 'send').map(([id]) => id)
  t.same(sent.sort(), up.map(({ name }) => `webSocket_${name}`).sort())
})

t.test('every message of a channel is of some operation, and is summed up, tagged and shown', async t => {
  const used = new Set(Object.values(served.operations)
    .flatMap(({ messages, reply }) => [...messages, ...reply?.messages ?? []].map(({ $ref }) => $ref)))
  for (const [channel, { messages }] of channels) {
    for (const [name, message] of Object.entries(messages)) {
      t.ok(used.has(`#/channels/${channel}/messages/${name}`), `${channel} ${name}`)
      t.equal(message.name, name)
      t.ok(message.summary.length >= 8 && message.tags.length === 1 && message.examples.length > 0)
    }
  }
})

t.test('every example keeps the schema of its message; what is not known is refused', async t => {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema(served, 'https://iris.test/asyncapi.json')
  for (const [name, schema] of Object.entries(served.components.schemas)) {
    t.ok(ajv.validateSchema(schema), `${name} is JSON Schema draft 07`)
  }
  for (const [channel, { messages }] of channels) {
    for (const [name, message] of Object.entries(messages)) {
      for (const part of ['headers', 'payload'] as const) {
        if (!message[part]) continue
        const validate = ajv.compile({ $ref: `https://iris.test/asyncapi.json#/channels/${channel}/messages/${name}/${part}` })
        for (const example of message.examples) {
          t.ok(validate(example[part]), `${channel} ${name} ${part}: ${ajv.errorsText(validate.errors)}`)
          if (channel === 'webSocket') t.notOk(validate({ ...example[part], colour: 'red' }), `${name} is closed`)
          t.notOk(validate({}), `${name} ${part} is not anything`)
        }
      }
    }
  }
})

t.test('[READ-3] [REVOKE-4] [REST-2] [GET-1] [SEE-4] each command of a wire name comes as described, and no more than that', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'hi')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const conversationId = dm(alice, bob)
  await alice.read({ conversationId, upToSeq: 1 })
  await bob.send(alice, 'seen')
  await alice.read({ conversationId, upToSeq: 2 })
  await bob.rest({ items: [{ conversationId, unreadMark: true }] }, 'other')
  await bob.read({ conversationId, upToSeq: 2 }, 'other')
  await bob.getReadMsg({ conversationId, requestId: 'page' })
  await bob.command({ clientCmdId: 'nudge', name: 'nudge', to: { users: [alice.userId] }, mode: 'reliable', notifyComplete: true })
  const waiting = await alice.listen()
  const nudge = await waiting.next(({ data }) => data.name === 'nudge')
  await bob.post('/v1/presence', { users: [alice.userId], watch: true })
  await alice.cmdComplete({ ids: [nudge.data['cmdId']] })
  await alice.revoke({ conversationId, seq: 1 })
  await waiting.cut()
  await iris.server('DELETE', `users/${alice.userId}/terminals/default`)
  await stream.next(({ data }) => data.name === 'PRESENCE')
  const ajv = new Ajv({ strict: false })
  for (const [name, schema] of Object.entries(wireCommands)) {
    const isDescribed = ajv.compile({ ...schema, additionalProperties: false })
    const came = stream.events.filter(({ event, data }) => event === 'CMD_DOWN' && data.name === name)
    t.ok(came.length > 0, `${name} came`)
    for (const { id, data } of came) {
      t.ok(isDescribed(data.data), `${name}: ${ajv.errorsText(isDescribed.errors)} ${JSON.stringify(data)}`)
      t.equal(id === undefined, volatileCommands.includes(name))
      t.ok(served.components.schemas[downName(name)])
    }
  }
})

t.test('[DOWN-3] of the gateway\'s own commands READY alone has an id', async t => {
  for (const [, { messages }] of channels) {
    const withId = Object.keys(gatewayCommands).filter(name => JSON.stringify(messages[name]?.examples).includes('"id":'))
    t.same(withId, ['IRIS.READY'])
  }
})

t.test('every goodbye is shown, with its code and what to do', async t => {
  const { examples } = served.channels.webSocket.messages['IRIS.BYE'] as Message
  const shown = examples.map(({ payload }) => (payload?.['data'] as { data: Json }).data)
  t.match(shown, Object.values(byes))
  t.equal(shown.length, Object.keys(byes).length)
})

t.test('the upgrade takes the query of the stream; configured limits are what is documented', async t => {
  t.same(Object.keys(served.channels.webSocket.bindings?.ws.query.properties ?? {}), [
    'lastEventId', 'terminalId', 'platform', 'lease', 'ticket'
  ])
  const text = JSON.stringify(asyncDocumentOf(operations, { ...defaultLimits, ids: 7, contentBytes: 77 }))
  t.match(text, /"maxItems":7[,}]/)
  t.match(text, /"x-maxBytes":77[,}]/)
  t.notMatch(text, /x-limit|discriminator/)
})
