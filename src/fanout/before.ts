// What the application is asked before something of a user's is sent. Without a hook there is nothing here. [HOOK-1] to [HOOK-5]
import type { BrokenIn, Door } from '../protocol/operation.js'
import { Problem } from '../protocol/problem.js'
import { forgetEffects } from '../store/deadline.js'
import type { createSends, Send } from '../store/conversation/sends.js'
import type { Hook } from '../webhooks/hook.js'
import type { Hooks } from '../webhooks/hooks.js'
import type { Content } from '../webhooks/verdict.js'
import { type Aside, createLine } from './line.js'
import { createUnderWay } from './under-way.js'

interface Floor {
  hooks: Pick<Hooks, 'message' | 'command'>
  sends: Pick<ReturnType<typeof createSends>, 'isStored'>
  aside: Aside
}

const noRules: BrokenIn = () => []

/** A message that is ready to be stored, and the body that it was made of. */
interface Message { send: Send, body: { type: string, to?: unknown }, door: Door, brokenIn?: BrokenIn | undefined }

/** A command, and the users whom it may reach. */
interface Command {
  body: { cmdId: string, to: { users?: string[] }, data?: Content, mode?: string }
  sender: { from: string, terminalId: string, traceId: string, brokenIn?: BrokenIn | undefined }
  allowed: string[]
}

/** Makes what stands before a message, and before a command, of a user: undefined where no hook is named. */
export function createBefore ({ hooks: { message, command }, sends, aside }: Floor) {
  return {
    message: message && beforeMessage(message, sends, aside),
    command: command && beforeCommand(command, aside)
  }
}

export type Before = ReturnType<typeof createBefore>

/**
 * A send is admitted first, and once; one that is stored, or would be refused, is known before anybody is asked. [HOOK-3]
 * @returns `before(message, store)`: what `store` returns, which gets the content that takes the place of the one that was sent.
 */
function beforeMessage (ask: Hook, sends: Floor['sends'], aside: Aside) {
  const inLine = createLine(aside)
  const questions = createUnderWay<Content | undefined>()

  async function isStored ({ send, door }: Message): Promise<boolean> {
    const is = await sends.isStored(send, door)
    forgetEffects()
    return is
  }

  async function verdictOn ({ send, body, brokenIn = noRules }: Message): Promise<Content | undefined> {
    const { draft: { from, traceId }, conversationId, terminalId } = send
    const { to: _to, type, ...rest } = body
    return await ask({
      from,
      traceId,
      data: { from, terminalId, ...rest, conversationId, messageType: type, traceId },
      brokenIn: content => brokenIn({ ...body, content })
    })
  }

  /** @param done when the message is stored, or refused: until then who sends it again gets what comes of this question. */
  async function contentFor (message: Message, done: Promise<void>): Promise<Content | undefined> {
    if (await isStored(message)) return undefined
    const { send: { conversationId, fingerprint, draft: { from, clientMsgId } } } = message
    const key = `${conversationId} ${from} ${clientMsgId} ${fingerprint}`
    try {
      return await aside(() => questions.get(key) ?? questions.keep(key, verdictOn(message), done))
    } catch (error) {
      // another node may have stored it meanwhile: then nobody is told a no
      const isNo = error instanceof Problem && error.code === 'DENIED'
      if (isNo && await isStored(message)) return undefined
      throw error
    }
  }

  return async function before<T> (message: Message, store: (content: Content | undefined) => Promise<T>): Promise<T> {
    const { send: { draft: { from }, terminalId } } = message
    const { promise: done, resolve: end } = Promise.withResolvers<void>()
    try {
      return await inLine(`${from} ${terminalId}`, () => contentFor(message, done), store)
    } finally {
      end()
    }
  }
}

/**
 * Who sends a command again while the hook is asked gets what comes of the first: it is asked about, and shown, once.
 * @returns `before(command, reach)`: what `reach` returns, which gets the `data` that takes the place of what was sent.
 */
function beforeCommand (ask: Hook, aside: Aside) {
  const inLine = createLine(aside)
  const sent = createUnderWay<unknown>()

  async function dataFor ({ body: { cmdId, ...body }, sender, allowed }: Command): Promise<Content | undefined> {
    const { from, terminalId, traceId, brokenIn = noRules } = sender
    const { to, data = {}, mode = 'online', ...rest } = body
    return await ask({
      from,
      traceId,
      data: { from, terminalId, cmdId, ...rest, mode, content: data, to: to.users ? { users: allowed } : to, traceId },
      brokenIn: content => brokenIn({ ...body, data: content })
    })
  }

  return async function before<T> (command: Command, reach: (data: Content | undefined) => Promise<T>): Promise<T> {
    const { body: { cmdId }, sender: { from, terminalId } } = command
    const first = sent.get(cmdId) as Promise<T> | undefined
    if (first) return await aside(() => first)
    const result = inLine(`${from} ${terminalId}`, () => aside(() => dataFor(command)), reach)
    return await (sent.keep(cmdId, result) as Promise<T>)
  }
}
