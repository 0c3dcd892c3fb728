// What the framework itself says: nothing of a request, whose line (plugins/answers.ts) would hold the URL, and so a ticket; but of each
// error that it answers without asking us.
import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

function say (error: unknown, { traceId }: FastifyRequest, { log }: FastifyReply): void {
  log.error({ traceId, err: error }, 'a request failed, and so did its answer')
}

/** An answer to an error may fail as well: the framework then makes one of its own, which `plugins/problems.ts` has no part in. */
export class FrameworkLog extends LogController {
  constructor () { super({ disableRequestLogging: true }) }

  override defaultErrorLog = say
  override writeHeadError = say
  override serializerError = say
}
