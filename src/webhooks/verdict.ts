// What the answer of a hook means. [HOOK-2]
import { HOOK_CODE, HOOK_MESSAGE_LENGTH } from '../protocol/hook-body.js'
import { type FieldError, Problem } from '../protocol/problem.js'

export type Content = Record<string, unknown>

/** `code` and `message` are for the sender. */
export type Verdict =
  { action: 'allow' } | { action: 'deny', code: string | undefined, message: string | undefined } | { action: 'modify', content: Content }

/** Why an answer is none, in words that follow "the hook failed". */
export interface Fault { fault: string }

/**
 * Reads what a hook has answered. A deny is one whatever stands beside it: of a code in another form, or of too long a sentence, the
 * sender is told nothing, or the beginning.
 * @param broken what its text holds that would be changed: it counts where it goes on, or decides. `brokenIn`: the rules that a content
 *   breaks in the place of the one that was sent.
 */
export function verdictOf (
  value: unknown, { broken, brokenIn }: { broken: FieldError[], brokenIn (content: Content): FieldError[] }
): Verdict | Fault {
  if (!isObject(value)) return { fault: 'its answer is no JSON object' }
  if (broken.some(({ pointer }) => pointer === '/action')) return { fault: 'its answer names two actions' }
  const { action, code, message, content } = value
  if (action === 'allow') return { action }
  if (action === 'deny') {
    return {
      action,
      code: typeof code === 'string' && HOOK_CODE.test(code) ? code : undefined,
      message: typeof message === 'string' ? message.slice(0, HOOK_MESSAGE_LENGTH).toWellFormed() : undefined
    }
  }
  if (action !== 'modify') return { fault: 'its answer says neither allow, deny nor modify' }
  if (!isObject(content)) return { fault: 'its modify has no content' }
  const [first] = [...broken.filter(isOfContent), ...brokenIn(content)]
  return first ? { fault: `its content breaks a rule: ${first.pointer} ${first.detail}` } : { action, content }
}

/** What stands nowhere lies too deep to be found. */
const isOfContent = ({ pointer }: FieldError) => pointer === '' || /^\/content(\/|$)/.test(pointer)

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** @returns what the sender of something that was denied is told. */
export function denial ({ code, message }: Extract<Verdict, { action: 'deny' }>): Problem {
  return new Problem('DENIED', {
    ...(message !== undefined && message !== '' && { detail: message }),
    ...(code !== undefined && { members: { hookCode: code } })
  })
}
