// Bodies: JSON in UTF-8, plain, and nothing else; a request without one may say of it what it likes. docs/protocol.md section 3.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { readJson } from '../commands/read-json.js'
import { Problem } from '../protocol/problem.js'

/** Registers the one reader of bodies. */
export const bodies = fp(async app => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, bytes: Buffer) => {
    if (bytes.length === 0) return undefined
    const { value, broken } = readJson(bytes)
    if (broken.length > 0) throw new Problem('INVALID_BODY', { errors: broken })
    return value
  })
  // chunked, a body may turn out to be none
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, bytes: Buffer) => {
    if (bytes.length > 0) throw new Problem('UNSUPPORTED_MEDIA_TYPE')
    return undefined
  })
  app.addHook('preParsing', async (request, reply) => {
    if (hasBody(request)) refuseCodings(request, reply)
    else delete request.headers['content-type']
  })
}, { name: 'bodies' })

function hasBody ({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Compressed, or in another charset: said so, instead of "not JSON". */
function refuseCodings ({ headers }: FastifyRequest, reply: FastifyReply): void {
  const codings = `${headers['content-encoding'] ?? ''},${headers['transfer-encoding'] ?? ''}`.toLowerCase().split(',').map(coding => coding.trim())
  const coding = codings.find(coding => !['', 'identity', 'chunked'].includes(coding))
  if (coding !== undefined) {
    reply.header('accept-encoding', 'identity')
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', { detail: `The coding ${coding.slice(0, 20)} is not read here: send the body as it is` })
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', { detail: `The charset ${charset.slice(0, 20)} is not read here: send UTF-8` })
  }
}
