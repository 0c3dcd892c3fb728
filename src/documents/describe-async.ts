// The AsyncAPI document, computed from the same definitions as OpenAPI: the streams, their events, and commands by WebSocket.
import { type Json, plain } from './components.js'
import type { Described } from './described.js'
import {
  ackOf, commandMessages, downMessages, firstSentence, moveMessage, PROBLEM, problemMessage, socketCodes, socketMessages, sseMessages,
  tagRef, type Text
} from './describe-frames.js'
import { events, gatewayCommands } from '../protocol/events.js'
import { introduction, tags } from './introduction.js'
import { type Limits, withLimits } from '../protocol/limits.js'
import { ProblemBody } from '../protocol/problem.js'
import { downEvents, downQuery } from '../protocol/stream.js'
import { wireSchemas } from '../protocol/wire-commands.js'

type Channel = 'downEvents' | 'webSocket'

/** The subprotocol that a client offers at the upgrade. */
const SUBPROTOCOL = 'iris.v1'

const upgradeHeaders = {
  type: 'object',
  required: ['Sec-WebSocket-Protocol'],
  properties: { 'Sec-WebSocket-Protocol': { type: 'string', const: SUBPROTOCOL } }
}

const socketText = `The upgrade takes cursor, terminal and platform from the query; a bearer token, or a ticket. \
A browser's \`Origin\` must be allowed. Without the subprotocol \`${SUBPROTOCOL}\` there is no connection.

**Down.** Frames are \`{"event","id","data"}\`: the events of the stream, the same in the same order \
from the same cursor. [POLL-1] An entry that has nothing to say any more is \`{"id"}\`. [ATTACH-4]

**Up.** \`{"up","requestId","traceId","body"}\`: an up-command by its wire name, \`body\` as it is posted. \
The answer is \`{"event":"ACK_DOWN","requestId","data"}\` or \`{"requestId","error"}\`; a frame with \`requestId\` answers, \
one with \`id\` is an event. Validation, limits and codes are those of HTTP; a frame larger than a request body may be is a close with 1009.

**Goodbye.** Before every close that the server makes comes \`IRIS.BYE\`; its code closes the WebSocket, too.`

const about = `${introduction}

**This document** is written from the terminal's side: \`send\` is what a terminal sends, \`receive\` what it receives. \
It holds the stream of events and the WebSocket; every other call, long-poll among them, is in the OpenAPI document of the same gateway.`

/**
 * Computes the document.
 * @param facts the limits in force, and the version of the package.
 * @returns an AsyncAPI 3.0 object: every event and command down on both channels, every up-command as a frame with its answers.
 */
export function describeAsync (operations: readonly Described[], { limits, version }: { limits: Limits, version: string }): Json {
  const commands = operations.filter(({ tag }) => tag === 'Up')
  const schemas: Json = { Problem: ProblemBody, ...events, ...wireSchemas, ...gatewayCommands }
  // first: it puts the commands' schemas among the others
  const channels = { downEvents: streamChannel(), webSocket: socketChannel(commands, schemas) }
  const document = {
    asyncapi: '3.0.0',
    info: { title: 'Iris', version, description: about, license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' } },
    defaultContentType: 'application/json',
    servers: { http: server('http'), webSocket: server('ws') },
    channels,
    operations: operationsOf(commands),
    components: {
      securitySchemes,
      tags: documentTags,
      operationBindings: { stream: { http: { method: 'GET', query: downQuery, bindingVersion: '0.3.0' } } },
      schemas: withoutDiscriminators(schemas)
    }
  }
  return plain(withLimits(document, limits)) as Json
}

const securitySchemes = {
  user: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A user\'s token: `sub` is the user, `exp` is required.' },
  ticket: {
    type: 'httpApiKey',
    in: 'query',
    name: 'ticket',
    description: 'From POST /v1/down/tickets, for clients that cannot send headers.'
  }
}

const documentTags = Object.fromEntries([
  ...tags.filter(({ name }) => name === 'Up' || name === 'Down'),
  { name: 'Gateway', description: 'What the gateway itself says: a `CMD_DOWN` whose `name` begins with `IRIS.`.' }
].map(tag => [tag.name, tag]))

function server (protocol: 'http' | 'ws'): Json {
  return {
    host: '{address}',
    pathname: '/',
    protocol,
    description: `This gateway; \`${protocol}s\` where TLS ends before it.`,
    variables: { address: { default: '127.0.0.1:4747', description: 'Host and port of the gateway.' } },
    security: Object.keys(securitySchemes).map(name => ({ $ref: `#/components/securitySchemes/${name}` }))
  }
}

function streamChannel (): Json {
  return {
    address: '/v1/down/events',
    title: 'The stream of events, as Server-Sent Events',
    summary: downEvents.summary,
    description: `${downEvents.description}\n\nHere the fields \`event:\` and \`id:\` of a block are the headers of a message, ` +
      'its `data:` line is the payload. The cursor comes as the header `Last-Event-ID`, else as `lastEventId` in the query.',
    servers: [{ $ref: '#/servers/http' }],
    tags: [tagRef('Down')],
    messages: sseMessages()
  }
}

function socketChannel (commands: readonly Described[], schemas: Json): Json {
  const frames: Json = socketMessages()
  for (const command of commands) Object.assign(frames, commandMessages(command, schemas))
  return {
    address: '/v1/ws',
    title: 'Events down and commands up, as WebSocket frames',
    summary: 'Receive events and send commands over one connection',
    description: socketText,
    servers: [{ $ref: '#/servers/webSocket' }],
    tags: [tagRef('Up'), tagRef('Down')],
    bindings: { ws: { method: 'GET', query: downQuery, headers: upgradeHeaders, bindingVersion: '0.1.0' } },
    messages: { ...frames, [PROBLEM]: problemMessage(commands) }
  }
}

function operationsOf (commands: readonly Described[]): Json {
  const found: Json = {}
  for (const channel of ['downEvents', 'webSocket'] as const) {
    for (const message of [...downMessages, moveMessage]) {
      found[`${channel}_${message.name.replaceAll('.', '_')}`] = receive(channel, message)
    }
  }
  for (const command of commands) found[`webSocket_${command.name}`] = send(command)
  return found
}

function receive (channel: Channel, { name, tag, description }: Text): Json {
  return {
    action: 'receive',
    channel: channelRef(channel),
    title: `${name}, by ${channel === 'webSocket' ? 'WebSocket' : 'SSE'}`,
    summary: firstSentence(description),
    tags: [tagRef(tag)],
    ...(channel === 'downEvents' && { bindings: { $ref: '#/components/operationBindings/stream' } }),
    messages: [messageRef(channel, name)]
  }
}

function send (command: Described): Json {
  const { name, summary, description } = command
  return {
    action: 'send',
    channel: channelRef('webSocket'),
    title: name,
    summary,
    description: `${description}\n\nRefused with: ${socketCodes(command).map(code => `\`${code}\``).join(', ')}.`,
    tags: [tagRef('Up')],
    messages: [messageRef('webSocket', name)],
    reply: { channel: channelRef('webSocket'), messages: [messageRef('webSocket', ackOf(name)), messageRef('webSocket', PROBLEM)] }
  }
}

const channelRef = (channel: Channel) => ({ $ref: `#/channels/${channel}` })
const messageRef = (channel: Channel, name: string) => ({ $ref: `#/channels/${channel}/messages/${name}` })

/** A discriminator is a mere name in AsyncAPI; the `const` of each variant says as much. */
function withoutDiscriminators (schemas: Json): Json {
  return Object.fromEntries(Object.entries(schemas as Record<string, Json>).map(([name, { discriminator, ...schema }]) => [name, schema]))
}
