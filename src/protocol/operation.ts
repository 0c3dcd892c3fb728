// What an operation is: one definition from which route, validation, types, OpenAPI and tests are computed.
import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type { CostLine, Weight } from './cost.js'
import type { ErrorCode } from './errors.js'
import type { FieldError } from './problem.js'

/** Who asks: a user's terminal, or the application's back end. `issuedAt`, `expiresAt`: the token's life, ms. */
export interface Caller { userId: string, terminalId: string, role: 'user' | 'server', issuedAt: number, expiresAt: number }

/** By which a user's request comes in: what it weighs, and whether it was admitted, once the store was asked. [COST-1] [KICK-1] */
export interface Door { caller: Caller, weight: Weight, isAdmitted?: boolean }

/**
 * An answer in lines, read as far as they are taken. `step` reads what comes next: what it returns offers lines until one is not taken,
 * and nothing is left when that is undefined. `next`: where another request goes on when it ends before.
 */
export interface Lines {
  step (): Promise<((take: (line: string) => boolean) => void) | undefined>
  next (): string | undefined
}

/** The rules of an operation that a body breaks. */
export type BrokenIn = (body: unknown) => FieldError[]

/** What a handler gets. `receivedAt`: when the request came in, ms since 1970. */
export interface Request<Body = unknown, Query = unknown, Params = unknown> {
  body: Body
  query: Query
  params: Params
  caller: Caller
  traceId: string
  receivedAt: number
  /** Of an operation that admits itself. */
  door?: Door
  /** The rules of the operation that another body would break. */
  brokenIn?: BrokenIn
  /** Its answer is wanted in lines, if the operation has that. */
  inLines?: boolean
}

/** The facts of an operation that everything else is computed from. */
export interface Operation<
  Context, Body extends TSchema = TSchema, Query extends TObject = TObject, Params extends TObject = TObject,
  Result extends TSchema = TSchema
> {
  /** The wire name of a command, the operationId of any. */
  name: string
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  tag: string
  auth: 'user' | 'server' | 'none'
  summary: string
  /** Markdown; what a reader of the API can learn from. */
  description: string
  body?: Body
  query?: Query
  params?: Params
  result: Result
  errors: readonly ErrorCode[]
  /** A body (or for GET a result only) that works as it stands against a server that knows the demo users. */
  example: { body?: Static<Body>, result: Static<Result> }
  /** What it weighs beside itself; one up-request when absent. Of users' operations only: the server API is not counted. [COST-1] */
  costs?: readonly CostLine<Static<Body>, Static<Query>>[]
  /** It is admitted in the same step in which it is decided, by its `door`. */
  admitsItself?: true
  /** It needs no store: while that does not answer it goes on all the same, counted by this node alone. */
  withoutStore?: true
  /** It costs little and says that somebody is there: it is done also while the node has too much to do. [DEADLINE-2] */
  light?: true
  /** How long it may wait for something to happen, ms: so much later its answer is due. [DEADLINE-1] */
  waitMs? (query: Static<Query>): number
  /** Whether an answer stays: one that asks for another try of a part is not kept under its Idempotency-Key. Always, when absent. */
  isFinal? (result: Static<Result>): boolean
  /** A POST that only reads, since a question needs a body: there is nothing to be repeated. */
  isRead?: true
  /** Its answer may bring messages, which can be recalled while it waits for those before it: it is made when it can leave. [DOWN-2] */
  showsTexts?: true
  /** Rules between fields that a schema cannot say; answered as 400 INVALID_BODY. */
  check? (body: Static<Body>): FieldError[]
  /** The same of a query, answered as 400 INVALID_QUERY. */
  checkQuery? (query: Static<Query>): FieldError[]
  handle (request: Request<Static<Body>, Static<Query>, Static<Params>>, context: Context): Promise<Static<Result>>
  /** The same in lines, for who accepts `application/x-ndjson`. */
  lines? (request: Request<Static<Body>, Static<Query>, Static<Params>>, context: Context): Promise<Lines>
}

type CommandFacts<Context, Body extends TSchema, Result extends TSchema> =
  Omit<Operation<Context, Body, TObject, TObject, Result>, 'method' | 'path' | 'tag' | 'auth' | 'query' | 'params' | 'body'> & {
    body: Body
    path?: string
  }

/** Whether an operation takes `Idempotency-Key`: whatever the application's back end writes. */
export const isRepeatable = ({ auth, method, isRead }: Pick<Operation<never>, 'auth' | 'method'> & { isRead?: boolean | undefined }) =>
  auth === 'server' && method !== 'GET' && !isRead

/** The header that names a write: quotes, as RFC 8941 has them, are part of the name. */
export const idempotencyKey = {
  pattern: '^[\\x21-\\x7e]{1,255}$',
  description: 'Made by you, the same for every retry of this request, of 1 to 255 visible ASCII ' +
    'characters: for 24 hours the first answer comes again, with `Idempotent-Replayed: true`. ' +
    'Another request under it is 422 `IDEMPOTENCY_KEY_REUSED`. A refused request does not use it up.'
}

/** @returns the address of an up-command: `/v1/up/cmd/<kebab-case of the wire name>`. */
export function commandPath (name: string): string {
  return '/v1/up/cmd/' + name.toLowerCase().replaceAll('_', '-')
}

/**
 * Makes the two definers for a context: the object of stores and delivery that handlers work with.
 * @returns `defineCommand` for up-commands (POST, a user's token) and `defineOperation` for everything else.
 */
export function definers<Context> () {
  return {
    defineCommand<Body extends TSchema, Result extends TSchema> (facts: CommandFacts<Context, Body, Result>) {
      return {
        method: 'POST', path: commandPath(facts.name), tag: 'Up', auth: 'user', ...facts
      } as Operation<Context, Body, TObject, TObject, Result>
    },
    defineOperation<Body extends TSchema, Query extends TObject, Params extends TObject, Result extends TSchema> (
      facts: Operation<Context, Body, Query, Params, Result>
    ) {
      return facts
    }
  }
}
