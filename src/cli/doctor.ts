// `iris-gateway doctor`: looks for what is wrong, on this machine or from outside, and says what to do.
import type { Run } from './command.js'
import { type Finding, lineOf } from './finding.js'
import { checkUrl } from './gateway.js'
import { checksHere } from './here.js'
import { checksOutside } from './outside.js'
import { Misuse } from './refusal.js'
import { secondsIn } from './words.js'

/** Longer than the pauses of a stream (15 s), of a WebSocket (25 s) and of a poll (30 s). */
const HOLD_SEC = 35
/** Longer than a proxy lets an idle connection live; the token of who listens lives for an hour. */
const MOST_SEC = 3_000

export const run: Run = async (_words, { url, token, hold }, beforeEnd) => {
  if (url === undefined && (token ?? hold) !== undefined) throw new Misuse('--token and --hold are for what --url names.')
  const holdSec = secondsIn('--hold', hold) ?? HOLD_SEC
  if (holdSec > MOST_SEC) throw new Misuse('--hold must be 50m at most.')
  const { env } = process
  const checks = url === undefined ? checksHere(env) : checksOutside({ url: checkUrl(url), token, holdMs: holdSec * 1000, env, beforeEnd })
  const found = new Map<Finding['verdict'], number>()
  for await (const finding of checks) {
    process.stdout.write(lineOf(finding))
    found.set(finding.verdict, (found.get(finding.verdict) ?? 0) + 1)
  }
  const count = (verdict: Finding['verdict']) => found.get(verdict) ?? 0
  process.stdout.write(`${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed\n`)
  return count('fail') > 0 ? 1 : 0
}
