// Asks for something until it is answered, as a client does: the same ids, another node when one does not answer.
import { setTimeout as pause } from 'node:timers/promises'
import type { Node } from './node.js'
import type { Asked } from './record.js'
import { SERVER_KEY } from '../helper/iris.js'
import type { World } from './world.js'

/** A client gives up on an answer after this, and asks again. */
const PATIENCE_MS = 4_000
const PAUSE_MS = 25

export interface Question {
  method?: string
  path: string
  body?: unknown
  /** Whose token is shown; the server key when absent. */
  as?: { text: string }
  terminalId?: string
  key?: string
}
export type Body = Record<string, unknown> & { code?: string, retryable?: boolean }

interface Answer { status: number, body: Body }

async function once (node: Node, { method = 'POST', path, body, as, terminalId = 'desk', key }: Question): Promise<Answer> {
  const response = await fetch(node.url + path, {
    method,
    headers: {
      authorization: `Bearer ${as?.text ?? SERVER_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(as && { 'terminal-id': terminalId }),
      ...(key !== undefined && { 'idempotency-key': key })
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS)
  })
  return { status: response.status, body: await response.json() as Body }
}

/**
 * Asks, at the nodes by turns, until it is answered for good.
 * @param asked what is kept of it in the history: when and where it was answered, or why it was refused.
 * @returns the body of the 200; undefined when it was refused, or the history is over before.
 */
export async function surely (world: World, asked: Asked, question: Question, from = 0): Promise<Body | undefined> {
  for (let turn = from; !world.isOver(); turn++) {
    const node = world.nodes[turn % world.nodes.length] as Node
    const { id } = node
    asked.tried = performance.now()
    const { status, body } = await once(node, question).catch((): Answer => ({ status: 0, body: {} }))
    if (status === 200) {
      asked.answered = performance.now()
      asked.node = id
      return body
    }
    if (status !== 0 && !body.retryable) {
      asked.refused = `${status} ${body.code}`
      return undefined
    }
    await pause(PAUSE_MS)
  }
  return undefined
}
