// Bodies: JSON in UTF-8, plain, and nothing else; a request without one may say of it what it likes. docs/protocol.md section 3.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { readJson } from '../commands/read-json.js'
import { Problem } from '../protocol/problem.js'

declare module 'fastify' {
  interface FastifyRequest { bodyRefusal: Problem | null }
}

/** Registers the one reader of bodies. */
export const bodies = fp(async app => {
  app.decorateRequest('bodyRefusal', null)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request: FastifyRequest, bytes: Buffer, done: Done) => {
    if (bytes.length === 0) return done(null, undefined)
    let value: unknown
    try {
      value = valueOf(request, bytes)
    } catch (error) {
      return done(error as Error)
    }
    // what it calls must not be taken for the reader
    done(null, value)
  })
  app.addHook('preParsing', (request, reply, _payload, done) => { done(look(request, reply)) })
}, { name: 'bodies' })

type Done = (error: Error | null, value?: unknown) => void

/** Throws what is wrong with a body. */
function valueOf ({ bodyRefusal }: FastifyRequest, bytes: Buffer): unknown {
  if (bodyRefusal) throw bodyRefusal
  const { value, broken } = readJson(bytes)
  if (broken.length > 0) throw new Problem('INVALID_BODY', { errors: broken })
  return value
}

/** Says of a body that is to be read that it is JSON: another type is refused here. @returns the refusal. */
function look (request: FastifyRequest, reply: FastifyReply): Problem | null {
  const { method, headers } = request.raw
  // RFC 9110 9.3.1: a body means nothing there, and nobody reads it
  if (method === 'GET' || method === 'HEAD') return null
  const isChunked = headers['transfer-encoding'] !== undefined
  if (!isChunked && Number(headers['content-length'] ?? 0) === 0) {
    delete headers['content-type']
    return null
  }
  if (headers['content-type'] === 'application/json' && !isChunked && headers['content-encoding'] === undefined) return null
  const refusal = refusalOf(request, reply)
  if (refusal && !isChunked) return refusal
  // chunked, a body may turn out to be none: whatever is said of it, it comes to the reader first
  request.bodyRefusal = refusal
  headers['content-type'] = 'application/json'
  return null
}

/** Compressed, in another charset, of another type: said so, instead of "not JSON". */
function refusalOf ({ headers }: FastifyRequest, reply: FastifyReply): Problem | null {
  const type = headers['content-type'] ?? ''
  const codings = `${headers['content-encoding'] ?? ''},${headers['transfer-encoding'] ?? ''}`.toLowerCase().split(',').map(coding =>
    coding.trim())
  const coding = codings.find(coding => !['', 'identity', 'chunked'].includes(coding))
  if (coding !== undefined) {
    reply.header('accept-encoding', 'identity')
    return new Problem('UNSUPPORTED_MEDIA_TYPE', { detail: `The coding ${coding.slice(0, 20)} is not read here: send the body as it is` })
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    return new Problem('UNSUPPORTED_MEDIA_TYPE', { detail: `The charset ${charset.slice(0, 20)} is not read here: send UTF-8` })
  }
  return /^application\/json\s*(;|$)/i.test(type) ? null : new Problem('UNSUPPORTED_MEDIA_TYPE')
}
