// Answers in lines of JSON, read no faster than they are taken: nothing waits in this process but what a socket holds. [SERVER-5] [SLOW-2]
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Lines } from '../protocol/operation.js'
import { failed, overloaded, Problem, problemBody } from '../protocol/problem.js'
import { outside } from '../store/deadline.js'
import { asUnavailable } from '../store/redis/unavailable.js'

const TYPE = 'application/x-ndjson'
/** So many characters are written at once; behind them it is waited until the socket has taken all. */
const CHARS = 64 * 1024
/** So many such answers are under way at once. */
const MOST = 32

/** @returns how much a type is wanted, 0 to 1, by its own name alone. */
function quality (accept: string, type: string): number {
  const [, facts] = accept.split(',').map(each => each.trim().split(/\s*;\s*/)).flatMap(([name, ...rest]) =>
    name?.toLowerCase() === type ? [name, rest] : []) as [string, string[]] | []
  if (!facts) return 0
  const [, q = '1'] = facts.map(each => /^q=(.+)$/i.exec(each)).find(found => found !== null) ?? []
  return Number(q) || 0
}

/** Whether who asks wants lines, and not rather one JSON. */
export function acceptsLines ({ headers: { accept = '' } }: Pick<FastifyRequest, 'headers'>): boolean {
  const wanted = quality(accept, TYPE)
  return wanted > 0 && wanted >= quality(accept, 'application/json')
}

/** @returns whether a socket has taken all that was written, within so many ms. */
async function drained (raw: ServerResponse, ms: number): Promise<boolean> {
  if (raw.destroyed || !raw.writableNeedDrain) return !raw.destroyed
  return await new Promise(resolve => {
    const timer = setTimeout(stuck, ms)
    function settle (isDrained: boolean): void {
      clearTimeout(timer)
      raw.off('drain', free).off('close', stuck)
      resolve(isDrained)
    }
    function free (): void { settle(true) }
    function stuck (): void { settle(false) }
    raw.on('drain', free).on('close', stuck)
  })
}

/**
 * Makes what answers in lines. One whose reader takes nothing for `stuckMs` is cut; when the server closes, those that are under way end
 * with a line that says so.
 * @returns `send(reply, lines)`. Throws OVERLOADED before anything is written.
 */
export function createLineAnswers (app: FastifyInstance, { stuckMs }: { stuckMs: number }) {
  let open = 0
  let isClosing = false
  app.addHook('preClose', async () => { isClosing = true })

  /** The rest cannot be read: it is said in the last line, since the status is out. */
  function fail ({ raw, request }: FastifyReply, lines: Lines, error: unknown): void {
    if (raw.writableEnded) return
    const known = asUnavailable(error)
    const problem = known instanceof Problem ? known : failed(error, request.log, { traceId: request.traceId })
    request.code = problem.code
    const body = problemBody(problem, { instance: request.url.split('?', 1)[0] ?? '/', traceId: request.traceId })
    raw.end(JSON.stringify({ error: body, next: lines.next() }) + '\n')
  }

  /** Reads and writes, step by step. */
  async function pump (raw: ServerResponse, lines: Lines): Promise<void> {
    while (!raw.writableEnded) {
      if (!await drained(raw, stuckMs)) return void raw.end().destroy()
      // said when it is the last that waits: Node takes an answer that has ended for one that has left
      if (isClosing) throw new Problem('NOT_READY')
      const print = await lines.step()
      if (raw.writableEnded || raw.destroyed) return
      if (!print) return void raw.end()
      let text = ''
      // what was looked at now is written now: what is recalled from here on is not in it [DOWN-2]
      print(line => {
        if (text.length >= CHARS) return false
        text += line + '\n'
        return true
      })
      raw.write(text)
    }
  }

  return async function send (reply: FastifyReply, lines: Lines): Promise<void> {
    if (open >= MOST) throw overloaded()
    const { raw, request } = reply
    const headers = reply.header('vary', [reply.getHeader('vary'), 'Accept'].filter(Boolean).join(', ')).getHeaders()
    reply.hijack()
    raw.writeHead(200, {
      ...headers as Record<string, string>,
      'content-type': `${TYPE}; charset=utf-8`,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no'
    })
    if (request.method === 'HEAD') return void raw.end()
    open++
    await outside(async () => await pump(raw, lines)).catch((error: unknown) => fail(reply, lines, error))
    open--
  }
}
