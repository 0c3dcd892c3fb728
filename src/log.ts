// The log of the process: errors without what they carry along, and one line per state, not per victim.
import { hostname } from 'node:os'
import { isatty } from 'node:tty'
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'
import { createGathered } from './gathered.js'
import { readable } from './readable.js'
import { createStdout } from './stdout.js'

/** So many warnings and errors of one message are written in a window; the rest is counted. */
const SAME = 10
const WINDOW_MS = 10_000
const MAX_MESSAGES = 200
/** Characters of an error's message. */
const MAX_TEXT = 500
const MAX_CAUSES = 5

/**
 * @returns what may be written of an error: type, message, code, where it was thrown, and the same of its causes. Redis errors
 *   carry their command with all its arguments, parsers quote what they have read: message text, tokens.
 */
function describeError (error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { name, message, stack, code, cause } = error as NodeJS.ErrnoException
  return {
    type: name,
    message: withoutQuotes(name, String(message)),
    ...(typeof code === 'string' && { code }),
    stack: String(stack).split('\n').filter(line => /^\s+at /.test(line)).join('\n'),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: describeError(cause, depth + 1) })
  }
}

function withoutQuotes (name: string, message: string): string {
  const text = message.slice(0, MAX_TEXT)
  if (name === 'SyntaxError') return text.replace(/"[^]*"/, '...').replace(/'[^]*'/, '...')
  return text.replace(/, with args beginning with:[^]*/, '')
}

/** @returns `admit(message, sum)`: whether a line is written. When its window ends, `sum` is told how many of its kind were not. */
function createQuota () {
  const seen = new Map<string, number>()

  function end (message: string, sum: (suppressed: number) => void): void {
    const suppressed = (seen.get(message) ?? 0) - SAME
    seen.delete(message)
    if (suppressed > 0) sum(suppressed)
  }

  return function admit (message: string, sum: (suppressed: number) => void): boolean {
    const count = (seen.get(message) ?? 0) + 1
    if (count === 1 && seen.size >= MAX_MESSAGES) return true
    if (count === 1) setTimeout(end, WINDOW_MS, message, sum).unref()
    seen.set(message, count)
    return count <= SAME
  }
}

/** The lines of requests and streams wait for others; whatever else is said goes out at once, and they before it. */
const GATHERED = new Set(['answered', 'attached', 'left'])

/** What stands in every line. */
const base = { pid: process.pid, hostname: hostname() }
const inEach = JSON.stringify(base).slice(1, -1)

/** @returns a line as the library writes it. There are as many of these as of requests, and nothing in them needs its care. */
function plainLine (facts: object, severity: number, message: string): string {
  return `{"level":${severity},"time":${Date.now()},${inEach},${JSON.stringify(facts).slice(1, -1)},"msg":"${message}"}\n`
}

/** The lines to stdout, the same for all logs: all of them are there when the process ends, however it does (but by SIGKILL). */
const stdout = once(() => {
  const out = createStdout(dropped => {
    out.write(`{"level":40,"time":${Date.now()},${inEach},"dropped":${dropped},"msg":"the log was not read: lines were dropped"}\n`)
  })
  const lines = createGathered(isatty(1) ? text => out.write(readable(text)) : text => out.write(text))
  process.on('exit', () => {
    lines.flushSync()
    out.end()
  })
  return { ...lines, dropped: out.dropped }
})

function once<T> (make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

/** @returns how many lines were dropped until now: who reads stdout did not take them. */
export const droppedLines = (): number => stdout().dropped()

/** Makes the log of a process. @param destination where its lines go, each at once; gathered to stdout when absent. */
export function createLog (level: string, destination?: DestinationStream): Logger {
  const admit = createQuota()
  const gathered = destination ? undefined : stdout()
  const out: Pick<DestinationStream, 'write'> = destination ?? stdout()
  const { warn, fatal } = pino.levels.values as Record<'warn' | 'fatal', number>
  const options: LoggerOptions = {
    level,
    base,
    serializers: { err: describeError },
    hooks: {
      logMethod (line, method, severity) {
        const [facts, message] = line as unknown as [object, unknown]
        if (GATHERED.has(message as string)) return void out.write(plainLine(facts, severity, message as string))
        const isLimited = severity >= warn && severity < fatal && typeof message === 'string'
        if (!isLimited || admit(message, suppressed => { method.apply(log, [{ suppressed }, message] as never) })) method.apply(this, line)
        gathered?.flushSync()
      }
    }
  }
  const log = pino(options, out)
  return log
}

/**
 * @returns a log that stands for its own children: each request gets one, and to make it,
 *   or to look whether it is one, takes as long as to find its route.
 */
export function oneFor<Log extends { child: unknown }> (log: Log): Log {
  const one = Object.create(log) as Log
  one.child = () => one
  return one
}
