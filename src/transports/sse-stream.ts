// How Server-Sent Events are printed: the answer is opened by its first text, and nothing of HTTP is held from then on.
import type { Socket } from 'node:net'
import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Bye } from '../protocol/events.js'
import type { Printer, Served } from '../stream/opening.js'
import type { Detach, Holder } from './detach.js'
import { sseComment, sseRetry, sseText } from './frames.js'

/** A reader that does not take its goodbye is cut off. */
const END_MS = 2_000

/** What the streams of a server share. */
export interface StreamFloor { detach: Detach, app: Pick<FastifyInstance, 'reportOf' | 'answered'> }

/**
 * A stream. Until its first text the answer may still be another; with it head, `retry:` and text leave in one write.
 * A class: there is one per stream, and closures would cost each a kilobyte more.
 */
export class SseStream implements Printer, Holder {
  /** Until it is taken out of HTTP. */
  #reply: FastifyReply | undefined
  /** What is written to, when it is opened. */
  #out: Socket | ServerResponse | undefined
  #reader: Served | undefined
  /** What is said when it has ended, where HTTP does not say it. */
  #report: ReturnType<FastifyInstance['reportOf']> | undefined

  constructor (reply: FastifyReply, private readonly floor: StreamFloor) { this.#reply = reply }

  get format () { return sseText }
  get retry () { return sseRetry }
  get comment (): string { return sseComment }

  backlog (): number { return this.#out?.writableLength ?? 0 }

  write (text: string): void {
    if (this.#out) writeTo(this.#out, text)
    else this.#open(text)
  }

  serve (reader: Served): void {
    this.#reader = reader
    const { raw } = this.#reply ?? {}
    if (raw?.destroyed) return reader.gone()
    raw?.on('close', () => this.#reader?.gone()).on('drain', () => this.#reader?.wake())
  }

  end (text: string, bye: Bye): void {
    const out = this.#out ?? openHead(this.#reply as FastifyReply)
    if (out.writableEnded) return
    if (this.#reply) this.#reply.request.bye = bye
    if (this.#report) this.#report.bye = bye
    endOf(out, this.#out ? text : sseRetry() + text)
    this.#out = out
    const socket = 'req' in out ? out.socket : out
    if (!socket || socket.destroyed) return
    // a client may have stopped reading: its half of the connection would keep the server from closing
    const timer = setTimeout(() => socket.destroy(), END_MS)
    timer.unref()
    socket.on('close', () => clearTimeout(timer))
  }

  closed (): void {
    if (this.#report) this.floor.app.answered(this.#report, this.#out?.writableEnded === true && !this.#out.writableFinished)
    this.#reader?.gone()
  }

  drained (): void { this.#reader?.wake() }

  #open (text: string): void {
    const reply = this.#reply as FastifyReply
    const { socket } = reply.raw
    socket?.cork()
    const head = openHead(reply)
    this.#out = this.#detached(reply) ?? head
    writeTo(this.#out, sseRetry() + text)
    socket?.uncork()
  }

  /** @returns the connection when the stream has it for itself. */
  #detached (reply: FastifyReply): Socket | undefined {
    if (!reply.leaveLine()) return undefined
    const report = this.floor.app.reportOf(reply)
    const socket = this.floor.detach(reply.raw, this)
    if (!socket) return undefined
    this.#report = report
    this.#reply = undefined
    return socket
  }
}

/** `bytes`: see `bytesOf`. */
function writeTo (out: Writable, bytes: string): void { out.write(bytes, 'latin1') }
function endOf (out: Writable, bytes: string): void { out.end(bytes, 'latin1') }

/**
 * Takes the response over from Fastify, and sends its head. It ends with the connection instead of being chunked:
 * one string a write instead of three parts.
 */
function openHead (reply: FastifyReply): ServerResponse {
  const { raw } = reply
  const headers = reply.getHeaders()
  reply.hijack()
  raw.useChunkedEncodingByDefault = false
  raw.shouldKeepAlive = false
  raw.writeHead(200, {
    ...headers as Record<string, string>,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-store, no-transform',
    'x-accel-buffering': 'no'
  })
  // by themselves: joined with a body, the header would stay in memory in the forty pieces it was made of
  raw.flushHeaders()
  return raw
}
