// `iris-gateway send <from> <to> <text>`: prints the answer when the message is stored.
import { setTimeout as delay } from 'node:timers/promises'
import { IrisError } from '../client/error.js'
import type { Run } from './commands.js'
import { Refusal } from './refusal.js'
import { connectUser } from './user.js'

/** So long it is tried. */
const MOST_MS = 15_000

export const run: Run = async ([from = '', to = '', text = ''], { url }) => {
  const iris = await connectUser({ userId: from, url, terminalId: 'send' })
  try {
    const ack = await Promise.race([iris.send(to, { type: 'text', content: { text } }), delay(MOST_MS, undefined, { ref: false })])
    if (!ack) throw new Refusal(`It is not known whether it was stored: no answer within ${MOST_MS / 1000} s (${iris.state.reason}).`)
    process.stdout.write(`${JSON.stringify(ack)}\n`)
    return 0
  } catch (error) {
    throw error instanceof IrisError ? new Refusal(`${error.code}: ${error.message}`) : error
  } finally {
    iris.close()
  }
}
