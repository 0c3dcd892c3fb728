// Commands up a WebSocket: `{"up": name, "requestId", "traceId"?, "body"}`, answered by requestId. docs/protocol.md section 4, "WebSocket".
import type { Duplex } from 'node:stream'
import { Type } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import type { RawData, WebSocket } from 'ws'
import { readJson } from '../commands/read-json.js'
import { token } from '../commands/token.js'
import { createValidators } from '../commands/validate.js'
import type { TokenLife } from '../stream/lifetime.js'
import { clientId, TraceId } from '../protocol/ids.js'
import { defaultLimits } from '../protocol/limits.js'
import { hasEnded } from '../protocol/login.js'
import type { Caller, Request } from '../protocol/operation.js'
import { type FieldError, isOfLoad, Problem, problemBody } from '../protocol/problem.js'
import { within } from '../store/deadline.js'
import { newTraceId } from '../store/random.js'
import type { Reader } from './down.js'
import { createPace } from './websocket-pace.js'

/** So many frames that are no command end the connection: BYE 4400. */
const MAX_BROKEN = 10

const UpFrame = Type.Object({
  up: Type.String({ description: 'The wire name of a command.' }),
  requestId: clientId('Comes back in the answer.', 'r-1'),
  // a malformed one is replaced, never a reason to refuse [TRACE-1]
  traceId: Type.Optional(Type.Unknown()),
  body: Type.Record(Type.String(), Type.Unknown())
}, { additionalProperties: false })

const { body } = createValidators(defaultLimits)
const check = body(UpFrame)
const checkTrace = body(TraceId)

export interface UpFloor {
  /** The wire names that may be called. */
  upNames: ReadonlySet<string>
  execute (name: string, request: Request): Promise<unknown>
  now (): number
  /** What is refused without `execute` counts, too. [COST-1] */
  admission: { glance (caller: Reader): void, count (caller: Reader): void }
}

/** `life`: that of the connection's token, as it is now; the events that go down end by the same. */
interface Peer { socket: WebSocket, stream: Duplex, reader: Reader, life (): TokenLife, log: FastifyBaseLogger, onBroken (): void, onBusy (): void }

/** `broken`: what would be changed on its way through. [TEXT-1] */
interface Up { up: string, requestId: string, traceId?: unknown, body: Record<string, unknown>, broken: FieldError[] }

/** @returns the listener of a connection's messages. Every frame gets one answer, in whatever order they are done. */
export function createUp ({ upNames, execute, now, admission }: UpFloor, { socket, stream, reader, life, log, onBroken, onBusy }: Peer) {
  const pace = createPace({ socket, stream, take, onBusy })
  let brokenFrames = 0

  async function run ({ up, body, broken }: Up, traceId: string): Promise<Record<string, unknown>> {
    const { issuedAt, expiresAt } = life()
    // a fresh token may come as late as the goodbye: it stands in the body, and is judged there
    if (up !== token.name && hasEnded(expiresAt, now())) throw counted(new Problem('TOKEN_EXPIRED'))
    if (!upNames.has(up)) throw counted(new Problem('NOT_FOUND', { detail: `${up.slice(0, 64)} is no command` }))
    if (broken.length > 0) throw counted(new Problem('INVALID_BODY', { errors: broken }))
    const caller: Caller = { ...reader, role: 'user', issuedAt, expiresAt }
    const result = await execute(up, { body, query: {}, params: {}, caller, traceId, receivedAt: now() }) as Record<string, unknown>
    return { ...result, traceId }
  }

  function counted (problem: Problem): Problem {
    admission.glance(reader)
    admission.count(reader)
    return problem
  }

  async function answer (frame: Up): Promise<object> {
    const { requestId, up } = frame
    const traceId = checkTrace(frame.traceId).length === 0 ? String(frame.traceId) : newTraceId()
    const began = performance.now()
    try {
      const data = await within(() => run(frame, traceId))
      log.info({ traceId, up, status: 200, ms: Math.round(performance.now() - began), userId: reader.userId }, 'answered')
      return { event: 'ACK_DOWN', requestId, data }
    } catch (error) {
      if (!(error instanceof Problem)) log.error({ traceId, up, err: error }, 'a request failed')
      const refusal = error instanceof Problem ? error : new Problem('INTERNAL')
      const problem = problemBody(refusal, { instance: '/v1/ws', traceId })
      if (refusal.code === 'RATE_LIMITED') pace.rest(Number(refusal.facts.members?.['retryAfterSec']) * 1000)
      log[isOfLoad(refusal) ? 'debug' : 'info']({ traceId, up: upNames.has(up) ? up : 'unknown', status: problem['status'], code: refusal.code, ms: Math.round(performance.now() - began), userId: reader.userId }, 'answered')
      return { requestId, error: problem }
    }
  }

  function refuse (problem: Problem, requestId: string | null): void {
    send({ requestId, error: problemBody(problem, { instance: '/v1/ws', traceId: newTraceId() }) })
    if (++brokenFrames >= MAX_BROKEN) onBroken()
  }

  /** What was asked before a goodbye is not answered behind it. */
  function send (frame: object): void {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame))
  }

  async function take (data: Buffer): Promise<void> {
    const frame = read(data)
    if ('problem' in frame) refuse(frame.problem, frame.requestId)
    else send(await answer(frame))
  }

  return function receive (data: RawData, isBinary: boolean): void {
    if (isBinary) onBroken()
    else pace.receive(data as Buffer)
  }
}

/** @returns the frame; or why it is none, and the id that it names all the same. */
function read (data: Buffer): Up | { problem: Problem, requestId: string | null } {
  let json
  try {
    json = readJson(data)
  } catch (error) {
    return { problem: error as Problem, requestId: null }
  }
  const { value, broken } = json
  const errors = check(value)
  // the body is blamed as over HTTP: by pointers of its own
  if (errors.length === 0) return { ...value as Up, broken: broken.map(({ pointer, detail }) => ({ pointer: pointer.replace(/^\/body(?=\/|$)/, ''), detail })) }
  const { requestId } = value as { requestId?: unknown } ?? {}
  return { problem: new Problem('INVALID_BODY', { errors }), requestId: typeof requestId === 'string' ? requestId.slice(0, 64) : null }
}
