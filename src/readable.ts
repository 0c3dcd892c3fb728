// The log's lines as a person reads them at a terminal.

const LEVELS = new Map([[10, 'trace'], [20, 'debug'], [30, ''], [40, 'WARN'], [50, 'ERROR'], [60, 'FATAL']])
/** What says nothing to who sits at this machine. */
const UNSAID = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'traceId'])

/** Fastify's word for what the banner says. */
const isSaid = (line: string) => line.includes('"msg":"Server listening at ')

/** @param text whole lines of JSON. @returns each with its time, what is said, and the facts; what is no JSON stays as it is. */
export const readable = (text: string): string =>
  text.replace(/^\{.*\}(\n|$)/gm, (line, end: string) => isSaid(line) ? '' : readableLine(line.trimEnd()) + end)

function readableLine (line: string): string {
  const facts = parse(line)
  if (!facts) return line
  const { level, time, msg } = facts
  const rest = Object.entries(facts).filter(([name]) => !UNSAID.has(name)).map(([name, value]) => `${name}=${shown(value)}`)
  return [new Date(Number(time)).toTimeString().slice(0, 8), LEVELS.get(Number(level)) ?? '', msg, ...rest].filter(Boolean).join(' ')
}

/** Bare where it is plain: no blank could be taken for the end, and no escape reaches the terminal. */
const shown = (value: unknown) => typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value)

function parse (line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
