// The log of the process: errors without what they carry along, and one line per state, not per victim.
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'

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
  const { name, message, stack = '', code, cause } = error as NodeJS.ErrnoException
  return {
    type: name,
    message: withoutQuotes(name, message),
    ...(typeof code === 'string' && { code }),
    stack: stack.split('\n').filter(line => /^\s+at /.test(line)).join('\n'),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: describeError(cause, depth + 1) })
  }
}

function withoutQuotes (name: string, message: string): string {
  const text = message.slice(0, MAX_TEXT)
  if (name === 'SyntaxError') return text.replace(/"[^]*"/, '...').replace(/'[^]*'/, '...')
  return text.replace(/, with args beginning with:[^]*/, '')
}

/** @returns `admit(message)`: whether a line is written, and how many of its kind were not before it. */
function createQuota () {
  const seen = new Map<string, { count: number, until: number }>()
  return function admit (message: string): { isWritten: boolean, suppressed: number } {
    const now = performance.now()
    const before = seen.get(message)
    if (before && before.until > now) return { isWritten: ++before.count <= SAME, suppressed: 0 }
    if (seen.size >= MAX_MESSAGES) seen.clear()
    seen.set(message, { count: 1, until: now + WINDOW_MS })
    return { isWritten: true, suppressed: Math.max(0, (before?.count ?? 0) - SAME) }
  }
}

/** Makes the log of a process. @param destination where its lines go; stdout when absent. */
export function createLog (level: string, destination?: DestinationStream): Logger {
  const admit = createQuota()
  const { warn, fatal } = pino.levels.values as Record<'warn' | 'fatal', number>
  const options: LoggerOptions = {
    level,
    serializers: { err: describeError },
    hooks: {
      logMethod (line, method, severity) {
        const [facts, message] = line as unknown as [unknown, unknown]
        if (severity < warn || severity >= fatal || typeof message !== 'string') return method.apply(this, line)
        const { isWritten, suppressed } = admit(message)
        if (isWritten) method.apply(this, suppressed > 0 ? [{ ...facts as object, suppressed }, message] as never : line)
      }
    }
  }
  return destination ? pino(options, destination) : pino(options)
}
