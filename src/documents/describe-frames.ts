// The messages of the AsyncAPI document: what goes down, as SSE and as WebSocket print it, and up-frames with their answers.
import type { TSchema } from '@sinclair/typebox'
import { type Json, named, ref } from './components.js'
import type { Described } from './described.js'
import { errorCodes, exampleTrace } from './describe-problems.js'
import { type ErrorCode, errors } from '../protocol/errors.js'
import { byes, events, gatewayCommands } from '../protocol/events.js'
import { gatewayExamples } from './gateway-examples.js'
import { clientId, Cursor, TraceId } from '../protocol/ids.js'
import { Problem, problemBody } from '../protocol/problem.js'
import { downName, volatileCommands, wireCommands } from '../protocol/wire-commands.js'

/** Whether an event of that name carries a cursor. Volatile events carry none. [DOWN-3] */
type Id = 'required' | 'optional' | 'none'

export interface Text { name: string, tag: 'Down' | 'Gateway', description: string }
/** A message that goes down, whatever prints it. */
interface Down extends Text { event: string, data: Json, id: Id, examples: unknown[] }

/** The answer to an up-frame that is refused. */
export const PROBLEM = 'PROBLEM'

const requestId = clientId('Made by the client; the answer carries it.', 'r-1')
const exampleRequest = 'r-1'
const [exampleCursor] = Cursor['examples'] as [string]
const [exampleCommand] = events.CMD_DOWN['examples'] as [Json]

/** No answer to a frame: it has no headers, query or media type, the token was shown at the upgrade, and one too large is a close. */
const httpOnly: readonly ErrorCode[] = ['INVALID_HEADER', 'INVALID_QUERY', 'UNSUPPORTED_MEDIA_TYPE', 'UNAUTHENTICATED', 'BODY_TOO_LARGE']
/** The codes of frames that are no command of any name. */
const noCommand: readonly ErrorCode[] = ['INVALID_JSON', 'INVALID_BODY', 'NOT_FOUND']

const eventMessages = Object.entries(events).map(([name, schema]): Down => ({
  name,
  event: name,
  tag: 'Down',
  description: schema.description ?? '',
  data: ref(name),
  id: 'optional',
  examples: schema['examples'] as unknown[]
}))

const gatewayMessages = Object.entries(gatewayCommands).map(([name, schema]): Down => ({
  name,
  event: 'CMD_DOWN',
  tag: 'Gateway',
  description: (schema.description ?? '') + (name === 'IRIS.BYE' ? `\n\n${byeTable()}` : ''),
  data: commandNamed(name, name),
  id: name === 'IRIS.READY' ? 'required' : 'none',
  examples: gatewayExamples[name as keyof typeof gatewayCommands].map(data => ({ ...exampleCommand, name, data }))
}))

const wireMessages = Object.entries(wireCommands).map(([name, schema]): Down => ({
  name: downName(name),
  event: 'CMD_DOWN',
  tag: 'Down',
  description: schema.description ?? '',
  data: commandNamed(name, downName(name)),
  id: volatileCommands.includes(name) ? 'none' : 'optional',
  examples: (schema['examples'] as unknown[]).map(data => ({ ...exampleCommand, name, data }))
}))

/** Everything that goes down: the four events, then the commands of a wire name, then what the gateway itself says. */
export const downMessages: readonly Down[] = [...eventMessages, ...wireMessages, ...gatewayMessages]

/** A CMD_DOWN of that name, whose `data` is a component. */
function commandNamed (name: string, component: string): Json {
  return { allOf: [ref('CMD_DOWN'), { type: 'object', properties: { name: { const: name }, data: ref(component) } }] }
}

/** As a block of a stream: `event:` and `id:` are its headers, `data:` is its payload. */
export const sseMessages = () => printed(({ event, id, data, examples }) => ({
  headers: object({ event: constant(event), ...idOf(id, Cursor) }, optionalId(id)),
  payload: data,
  examples: examples.map(payload => ({ headers: { event, ...idOf(id, exampleCursor) }, payload }))
}), { headers: object({ id: Cursor }), examples: [{ headers: { id: exampleCursor } }] })

/** As a frame of a WebSocket: `{event, id, data}`. */
export const socketMessages = () => printed(({ event, id, data, examples }) => ({
  payload: object({ event: constant(event), ...idOf(id, Cursor), data }, optionalId(id)),
  examples: examples.map(data => ({ payload: { event, ...idOf(id, exampleCursor), data } }))
}), { payload: object({ id: Cursor }), examples: [{ payload: { id: exampleCursor } }] })

function printed (print: (message: Down) => Json, moved: Json): Json {
  const messages: Json = {}
  for (const message of downMessages) messages[message.name] = { ...textOf(message), ...print(message) }
  messages[moveMessage.name] = { ...textOf(moveMessage), ...moved }
  return messages
}

/** The frame of an up-command, by the command's name, and its answer, by `<name>_ACK`. Their schemas are put among the components. */
export function commandMessages ({ name, summary, body, result, example }: Described, schemas: Json): Json {
  const up = object({ up: constant(name), requestId, traceId: TraceId, body: named(name, body as TSchema, schemas) }, ['traceId'])
  const data = { allOf: [named(`${name}_result`, result, schemas), object({ traceId: TraceId }, [], true)] }
  const ack = object({ event: constant('ACK_DOWN'), requestId, data })
  return {
    [name]: {
      ...answered(name, summary),
      payload: up,
      examples: [{ payload: { up: name, requestId: exampleRequest, traceId: exampleTrace, body: example.body } }]
    },
    [ackOf(name)]: {
      ...answered(ackOf(name), `The answer to ${name}: done and stored`),
      payload: ack,
      examples: [{ payload: { event: 'ACK_DOWN', requestId: exampleRequest, data: { ...example.result as Json, traceId: exampleTrace } } }]
    }
  }
}

/** The refusal of an up-frame, with an example of each code that these commands may have. */
export function problemMessage (commands: readonly Described[]): Json {
  const codes = [...new Set([...noCommand, ...commands.flatMap(socketCodes)])]
  const example = (code: ErrorCode) => problemBody(new Problem(code), { instance: '/v1/ws', traceId: exampleTrace })
  return {
    ...answered(PROBLEM, 'An up-frame is refused, or its outcome is unknown'),
    description: '`code` is the contract. With `retryable: true`, send the same frame again, ' +
      'with the same client id: the effect happens once. `requestId` is null when the frame could not be read.',
    payload: object({ requestId: { anyOf: [requestId, { type: 'null' }] }, error: ref('Problem') }),
    examples: codes.map(code => ({
      name: code,
      summary: errors[code].title,
      payload: { requestId: code === 'INVALID_JSON' ? null : exampleRequest, error: example(code) }
    }))
  }
}

/** @returns the name of the message that answers a command. */
export const ackOf = (name: string) => `${name}_ACK`

/** @returns the codes that a command may answer with on a WebSocket. */
export const socketCodes = (operation: Described) =>
  errorCodes(operation).filter(code => code !== 'INVALID_JSON' && !httpOnly.includes(code))

export const tagRef = (name: string) => ({ $ref: `#/components/tags/${name}` })

/** @returns the first sentence: what a list shows. */
export const firstSentence = (text: string) => /^[^]*?[.:](?=\s|$)/.exec(text)?.[0].replace(/[.:]$/, '') ?? text

/** Nothing but a new position: neither event nor data. */
export const moveMessage: Text = {
  name: 'CURSOR',
  tag: 'Down',
  description: 'Only the position moves: an entry that has nothing to say any more, ' +
    'or a quiet stream that says where it is. Remember the id. [ATTACH-4]'
}

function textOf ({ name, tag, description }: Text): Json {
  return { name, summary: firstSentence(description), description, tags: [tagRef(tag)] }
}

function answered (name: string, summary: string): Json {
  return {
    name,
    summary,
    tags: [tagRef('Up')],
    correlationId: { location: '$message.payload#/requestId', description: 'Joins a frame and its answer.' }
  }
}

function idOf<T> (id: Id, value: T): { id?: T } {
  return id === 'none' ? {} : { id: value }
}

const optionalId = (id: Id) => id === 'optional' ? ['id'] : []
const constant = (value: string) => ({ type: 'string', const: value })

/** An object of these members; all are required but those named. */
function object (properties: Json, optional: string[] = [], open = false): Json {
  return {
    type: 'object',
    required: Object.keys(properties).filter(name => !optional.includes(name)),
    properties,
    ...(!open && { additionalProperties: false })
  }
}

/** What each code of a goodbye asks a client to do. */
function byeTable (): string {
  const rows = Object.values(byes).map(({ code, reason, reconnect }) => `| ${code} | ${reason} | \`${reconnect}\` |`)
  return ['| code | reason | reconnect |', '| --- | --- | --- |', ...rows].join('\n')
}
