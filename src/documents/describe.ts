// The OpenAPI document, computed from the definitions: operations, events, errors, limits. Nothing is repeated by hand.
import type { TObject, TSchema } from '@sinclair/typebox'
import { type Json, named, plain, ref } from './components.js'
import type { Described } from './described.js'
import { errorCodes, exampleTrace, problemsOf, traceHeader } from './describe-problems.js'
import { costSentence } from '../protocol/cost.js'
import type { ErrorCode } from '../protocol/errors.js'
import { events, gatewayCommands } from '../protocol/events.js'
import { type Limits, withLimits } from '../protocol/limits.js'
import { idempotencyKey, isRepeatable } from '../protocol/operation.js'
import { ProblemBody } from '../protocol/problem.js'
import { downEvents, downPoll, webSocket } from '../protocol/stream.js'
import { wireSchemas } from '../protocol/wire-commands.js'
import { describeWebhooks } from './describe-webhooks.js'
import { introduction, tags } from './introduction.js'

const replayHeader = {
  'Idempotent-Replayed': {
    description: '`true`: the first answer to this Idempotency-Key, again.',
    schema: { type: 'string', const: 'true' }
  }
}

/**
 * Computes the document.
 * @param facts the limits in force, the version of the package, and that of OpenAPI: 3.2 can say what each event of the stream is.
 * @returns an OpenAPI object with every operation, every problem code per operation, every event, and every webhook.
 */
export function describe (
  operations: readonly Described[], { limits, version, openapi = '3.1.0' }: { limits: Limits, version: string, openapi?: '3.1.0' | '3.2.0' }
): Json {
  const schemas: Json = { Problem: ProblemBody, ...events, ...wireSchemas, ...gatewayCommands }
  const paths: Record<string, Json> = {}
  const add = (path: string, method: string, operation: Json) => { paths[path] = { ...paths[path], [method.toLowerCase()]: operation } }
  for (const operation of operations) add(operation.path, operation.method, describeOperation(operation, schemas))
  const stream = { ...(openapi === '3.2.0' ? { itemSchema } : { schema: streamSchema }), example: downEvents.example }
  add(downEvents.path, 'GET', describeDown(downEvents, {
    200: { description: 'The stream. It stays open.', headers: traceHeader, content: { 'text/event-stream': stream } },
    204: { description: 'This terminal must not come back.' }
  }))
  add(downPoll.path, 'GET', describeDown(downPoll, {
    200: {
      description: 'What came.',
      headers: traceHeader,
      content: { 'application/json': { schema: named('downPoll_result', downPoll.result, schemas), example: downPoll.example } }
    }
  }))
  add(webSocket.path, 'GET', describeDown(webSocket, { 101: { description: 'The WebSocket is open.' } }))
  const { webhooks, parameters } = describeWebhooks(schemas)
  const document = {
    openapi,
    info: { title: 'Iris', version, description: introduction, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'This gateway' }],
    tags: [...tags],
    paths,
    components: {
      securitySchemes: {
        user: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A user\'s token: `sub` is the user, `exp` is required. Get one by `POST /v1/server/tokens`, with a server key.'
        },
        server: {
          type: 'http',
          scheme: 'bearer',
          description: 'A key of `IRIS_SERVER_KEY`. When nothing is configured: ' +
            '`serverKey` in `.iris/secrets.json`, where Iris was started.'
        },
        ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'From POST /v1/down/tickets.' }
      },
      parameters,
      schemas
    },
    webhooks
  }
  return plain(withLimits(document, limits)) as Json
}

function describeOperation (operation: Described, schemas: Json): Json {
  const { name, tag, auth, summary, description, path, body, result, example, costs, lines } = operation
  return {
    operationId: name,
    tags: [tag],
    summary,
    description: auth === 'user' ? `${description}\n\nWeighs ${costSentence(costs)} in the user's bucket. [COST-1]` : description,
    security: auth === 'none' ? [] : [{ [auth]: [] }],
    parameters: parametersOf(operation),
    ...(body &&
      { requestBody: { required: true, content: { 'application/json': { schema: named(name, body, schemas), example: example.body } } } }),
    responses: {
      200: {
        description: 'Done and stored.',
        headers: { ...traceHeader, ...(isRepeatable(operation) && replayHeader) },
        content: {
          'application/json': {
            schema: {
              allOf: [named(`${name}_result`, result, schemas), {
                type: 'object',
                required: ['traceId'],
                properties: { traceId: { type: 'string' } }
              }]
            },
            example: { ...example.result as Json, traceId: exampleTrace }
          },
          ...(lines !== undefined && { 'application/x-ndjson': linesOf(example.result as { items: Json[] }) })
        }
      },
      ...problemsOf(errorCodes(operation), path)
    }
  }
}

/** The same answer line by line, as it is described in words. */
function linesOf ({ items }: { items: Json[] }): Json {
  return {
    schema: { type: 'string', description: 'One JSON each line: the `items`, then a line that says that it is the last.' },
    example: [...items, { end: true, count: items.length }].map(line => JSON.stringify(line) + '\n').join('')
  }
}

function parametersOf ({
  auth, method, isRead, query, params
}: Pick<Described, 'auth' | 'method' | 'isRead' | 'query' | 'params'>): Json[] {
  const header = (name: string, description: string, pattern: string) => ({
    name, in: 'header', required: false, description, schema: { type: 'string', pattern }
  })
  const fields = (schema: TSchema | undefined, place: string) => Object.entries((schema?.['properties'] ?? {}) as Record<string, TSchema>)
    .map(([name, field]) => ({
      name,
      in: place,
      ...(place === 'path' ? { required: true, example: exampleOf(field) } : { required: false }),
      ...(field.description && { description: field.description }),
      schema: field
    }))
  return [
    ...fields(params, 'path'),
    ...fields(query, 'query'),
    ...(auth === 'user' ? [header('Terminal-Id', 'The terminal that asks; `default` when absent.', '^[A-Za-z0-9_-]{1,64}$')] : []),
    ...(isRepeatable({ auth, method, isRead }) ? [header('Idempotency-Key', idempotencyKey.description, idempotencyKey.pattern)] : []),
    header('Trace-Id', 'TRACE_ID of the request; made when absent or malformed. [TRACE-1]', '^[A-Za-z0-9._-]{1,64}$')
  ]
}

/** Pages that try an operation fill in a parameter's own example, and not its schema's. */
const exampleOf = (field: TSchema) => (field['examples'] as unknown[] | undefined)?.[0]

interface Down { operationId: string, summary: string, description: string, path: string, query: TObject, codes: ErrorCode[] }

/** A way down: its door is the same for all. */
function describeDown ({ operationId, summary, description, path, query, codes }: Down, answers: Json): Json {
  const cursor = {
    name: 'Last-Event-ID',
    in: 'header',
    required: false,
    description: 'The cursor: the last id seen. An EventSource sends it by itself.',
    schema: { type: 'string' }
  }
  return {
    operationId,
    summary,
    description,
    tags: ['Down'],
    security: [{ user: [] }, { ticket: [] }],
    parameters: [cursor, ...parametersOf({ auth: 'user', method: 'GET', query })],
    responses: { ...answers, ...problemsOf(codes, path) }
  }
}

/** What a `data:` line holds. */
const data = {
  type: 'string',
  description: 'The JSON of the component that `event` names; the `data` of an `IRIS.*` command is the component of its name, that of ' +
    'another one of Iris the component `CMD_DOWN.` and its name.',
  contentMediaType: 'application/json',
  contentSchema: { anyOf: [...Object.keys(events), ...Object.keys(wireSchemas), ...Object.keys(gatewayCommands)].map(name => ref(name)) }
}

/** An event of the stream, as OpenAPI 3.2 can say it. */
const itemSchema = {
  type: 'object',
  properties: {
    event: { type: 'string', enum: Object.keys(events) },
    id: { type: 'string', description: 'The cursor behind this event; alone it only moves the cursor.' },
    data,
    retry: { type: 'integer' }
  }
}

/** In OpenAPI 3.1 the stream is one text. */
const streamSchema = { ...data, description: `Blocks of \`event:\`, \`id:\` and one \`data:\` line. ${data.description}` }
