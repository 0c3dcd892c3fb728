// An operation as its documents see it.
import type { CostLine } from '../protocol/cost.js'
import type { Operation } from '../protocol/operation.js'

/** What the documents need to know of an operation. */
export type Described = Pick<
  Operation<never>,
  'name' | 'method' | 'path' | 'tag' | 'auth' | 'summary' | 'description' | 'body' | 'query' | 'params' | 'result' | 'errors' | 'example'
> & { costs?: readonly CostLine<never, never>[], isRead?: true, lines?: unknown }
