// The OpenAPI document at /openapi.json, its pages at /docs, which work offline, and the AsyncAPI document at /asyncapi.json.
import swagger from '@fastify/swagger'
import swaggerUi, { type FastifySwaggerUiConfigOptions } from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { describe } from '../documents/describe.js'
import type { Described } from '../documents/described.js'
import { describeAsync } from '../documents/describe-async.js'
import { version } from '../documents/version.js'
import type { Limits } from '../protocol/limits.js'

const PAGES_CSP = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"

/**
 * In the pages, what streams has no Execute: they wait for the end of an answer before they show anything, and a stream has none.
 * It is sent as text and run in the browser: nothing of this module is there.
 */
const noExecuteOnStreams = () => {
  const allowTryItOutFor = () => (state: Immutable, path: string, method: string) => {
    const answers = state.getIn(['json', 'paths', path, method, 'responses'])
    return !answers.has('101') && !answers.hasIn(['200', 'content', 'text/event-stream'])
  }
  return { statePlugins: { spec: { wrapSelectors: { allowTryItOutFor } } } }
}

/** A state of the pages, as far as it is looked at here. */
interface Immutable { getIn (path: string[]): Immutable, has (key: string): boolean, hasIn (path: string[]): boolean }

const uiConfig: FastifySwaggerUiConfigOptions = { docExpansion: 'list', layout: 'BaseLayout', plugins: [noExecuteOnStreams] }

/** @returns the document of these operations. */
export function documentOf (operations: readonly Described[], limits: Limits, openapi?: '3.1.0' | '3.2.0') {
  return describe(operations, { limits, version, ...(openapi && { openapi }) })
}

/** @returns the AsyncAPI document of the streams, and of those operations that go up by WebSocket. */
export function asyncDocumentOf (operations: readonly Described[], limits: Limits) {
  return describeAsync(operations, { limits, version })
}

/** Registers the documents and their pages. Each document is computed when it is first asked for: both take a fifth of a start. */
export const openapi = fp<{ operations: readonly Described[], limits: Limits }>(async (app, { operations, limits }) => {
  const document = once(() => documentOf(operations, limits))
  await app.register(swagger, { mode: 'static', specification: { document: {} as never } })
  // the pages bring styles of their own: their policy is theirs, every other address keeps the strict one
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGES_CSP,
    theme: { title: 'Iris' },
    uiConfig,
    transformSpecification: document,
    transformSpecificationClone: false
  })
  serve('/openapi.json', document)
  serve('/asyncapi.json', () => asyncDocumentOf(operations, limits))

  function serve (path: string, make: () => object): void {
    const text = once(() => JSON.stringify(make()))
    app.get(path, { exposeHeadRoute: true, schema: { hide: true } }, async (_request, reply) =>
      await reply.type('application/json').send(text()))
  }
}, { name: 'openapi' })

function once<T> (make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
