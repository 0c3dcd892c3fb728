// `iris-gateway send <from> <to> <text>`: prints the answer when the message is stored. It opens no stream: nobody is online by it.
import { createBase } from '../client/base/base.js'
import { IrisError } from '../client/base/error.js'
import { newId } from '../client/base/platform.js'
import type { Run } from './command.js'
import { Misuse, Refusal } from './refusal.js'
import { asUser } from './user.js'
import { sentenceOfClient } from './why.js'
import { targetIn, userIn } from './words.js'

/** So long it is tried. */
const MOST_MS = 15_000
/** More than any gateway takes. */
const MOST_BYTES = 1_048_576

export const run: Run = async ([from = '', to = '', word = ''], { url: given, id = newId() }) => {
  const userId = userIn('from', from)
  const target = targetIn('to', to).includes('.') ? { conversationId: to } : { to }
  const text = word === '-' ? await readInput() : word
  if (text === '') throw new Misuse('<text> must not be empty.')
  const { url, token } = await asUser(userId, given)
  const { calls } = createBase({ url, token, userId, terminalId: 'send' })
  const body = { clientMsgId: id, ...target, type: 'text', content: { text } }
  const ack = await calls.insist('/v1/up/msg', body, AbortSignal.timeout(MOST_MS))
    .catch((error: unknown) => { throw refusalOf(error, url, id) })
  process.stdout.write(`${JSON.stringify(ack)}\n`)
  return 0
}

/** What nobody has refused may be stored. */
function refusalOf (error: unknown, url: string, id: string): unknown {
  if (!(error instanceof IrisError)) return error
  const why = sentenceOfClient(url, error)
  if (error.problem && !error.retryable) return new Refusal(`${error.code}: ${why}.`)
  return new Refusal(`It is not known whether it was stored: ${why}. Send it again by --id ${id}: then it is stored once.`)
}

/** @returns what comes on stdin, as text, without the line break at its end. Throws a Misuse. */
async function readInput (): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new Misuse(`What comes on stdin has more than ${MOST_BYTES} bytes.`)
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, '')
  } catch {
    throw new Misuse('What comes on stdin is not UTF-8.')
  }
}
