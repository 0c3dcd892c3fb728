// Commands up a WebSocket: `{"up": name, "requestId", "traceId"?, "body"}`, answered by requestId. docs/protocol.md section 4, "WebSocket".
import { Type } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import { readJson } from '../commands/read-json.js'
import { token } from '../commands/token.js'
import { createValidators } from '../commands/validate.js'
import type { TokenLife } from '../stream/lifetime.js'
import { clientId, TraceId } from '../protocol/ids.js'
import { defaultLimits } from '../protocol/limits.js'
import { hasEnded } from '../protocol/login.js'
import type { Caller, Request } from '../protocol/operation.js'
import { failed, type FieldError, isOfLoad, Problem, problemBody } from '../protocol/problem.js'
import { within } from '../store/deadline.js'
import { newTraceId } from '../store/random.js'
import type { Reader } from './down.js'
import { subjectOf } from './subject.js'
import type { WebSocketOut } from './websocket-out.js'
import type { Pace } from './websocket-pace.js'

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

/** Who sends. `life`: that of the connection's token, as it is now; the events that go down end by the same. */
export interface Sender {
  readonly reader: Reader
  readonly life: TokenLife
  readonly out: Pick<WebSocketOut, 'answer'>
  readonly pace: Pick<Pace, 'rest'>
  /** How many of his frames were no command. */
  brokenFrames: number
  onBroken (): void
}

/** `broken`: what would be changed on its way through. [TEXT-1] */
interface Up { up: string, requestId: string, traceId?: unknown, body: Record<string, unknown>, broken: FieldError[] }

/** @returns what answers a frame of a connection: each gets one answer, in whatever order they are done. Never rejects. */
export function createUp ({ upNames, execute, now, admission }: UpFloor, log: FastifyBaseLogger) {
  async function run (
    { up, body, broken }: Up, traceId: string, { reader, life: { issuedAt, expiresAt } }: Sender
  ): Promise<Record<string, unknown>> {
    // a fresh token may come as late as the goodbye: it stands in the body, and is judged there
    if (up !== token.name && hasEnded(expiresAt, now())) throw counted(new Problem('TOKEN_EXPIRED'), reader)
    if (!upNames.has(up)) throw counted(new Problem('NOT_FOUND', { detail: `${up.slice(0, 64)} is no command` }), reader)
    if (broken.length > 0) throw counted(new Problem('INVALID_BODY', { errors: broken }), reader)
    const caller: Caller = { ...reader, role: 'user', issuedAt, expiresAt }
    const result = await execute(up, { body, query: {}, params: {}, caller, traceId, receivedAt: now() }) as Record<string, unknown>
    return { ...result, traceId }
  }

  function counted (problem: Problem, reader: Reader): Problem {
    admission.glance(reader)
    admission.count(reader)
    return problem
  }

  async function answer (frame: Up, sender: Sender): Promise<object> {
    const { requestId, up } = frame
    const { userId, terminalId } = sender.reader
    const traceId = checkTrace(frame.traceId).length === 0 ? String(frame.traceId) : newTraceId()
    const began = performance.now()
    const ms = () => Math.round(performance.now() - began)
    try {
      const data = await within(() => run(frame, traceId, sender))
      log.info({ traceId, up, status: 200, ms: ms(), userId, terminalId, ...subjectOf(data, frame.body) }, 'answered')
      return { event: 'ACK_DOWN', requestId, data }
    } catch (error) {
      const refusal = error instanceof Problem ? error : failed(error, log, { traceId, up })
      const problem = problemBody(refusal, { instance: '/v1/ws', traceId })
      if (refusal.code === 'RATE_LIMITED') sender.pace.rest(Number(refusal.facts.members?.['retryAfterSec']) * 1000)
      const facts = { traceId, up: upNames.has(up) ? up : 'unknown', status: problem['status'], code: refusal.code, ms: ms() }
      log[isOfLoad(refusal) ? 'debug' : 'info']({ ...facts, userId, terminalId, ...subjectOf(undefined, frame.body) }, 'answered')
      return { requestId, error: problem }
    }
  }

  function refuse (sender: Sender, problem: Problem, requestId: string | null): void {
    sender.out.answer({ requestId, error: problemBody(problem, { instance: '/v1/ws', traceId: newTraceId() }) })
    if (++sender.brokenFrames >= MAX_BROKEN) sender.onBroken()
  }

  return async function take (sender: Sender, data: Buffer): Promise<void> {
    const frame = read(data)
    if ('problem' in frame) refuse(sender, frame.problem, frame.requestId)
    else sender.out.answer(await answer(frame, sender))
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
  if (errors.length === 0) {
    return {
      ...value as Up,
      broken: broken.map(({ pointer, detail }) => ({ pointer: pointer.replace(/^\/body(?=\/|$)/, ''), detail }))
    }
  }
  const { requestId } = value as { requestId?: unknown } ?? {}
  return { problem: new Problem('INVALID_BODY', { errors }), requestId: typeof requestId === 'string' ? requestId.slice(0, 64) : null }
}
