// `iris-gateway tail <user>`: what comes down to a user, a line of JSON each; how the connection is, on stderr.
import { randomBytes } from 'node:crypto'
import { connect } from '../client/connect.js'
import type { State } from '../client/base/types.js'
import { callServer } from './call.js'
import type { Run } from './command.js'
import { Refusal } from './refusal.js'
import { asUser } from './user.js'
import { sentenceOfClient } from './why.js'
import { userIn } from './words.js'

export const run: Run = async ([word = ''], { url: given }, beforeEnd) => {
  const userId = userIn('user', word)
  const { url, key, token } = await asUser(userId, given)
  // of each its own: none takes the stream of another
  const terminalId = `tail-${randomBytes(6).toString('hex')}`
  const iris = connect({ url, token, userId, terminalId, platform: 'other', lease: 'socket', storage: false })
  const say = tellStates(url)
  iris.on('frame', frame => process.stdout.write(`${JSON.stringify(frame)}\n`))
  const over = Promise.withResolvers<never>()
  const unheard = iris.on('state', state => {
    say(state)
    const { error, reason } = state
    if (state.state === 'closed') over.reject(new Refusal(`It is over: ${error ? sentenceOfClient(url, error) : reason}.`))
  })
  /** What it was does not stay, but for what ends by itself. */
  async function forget (): Promise<void> {
    unheard()
    iris.close()
    await callServer({ url, key, method: 'DELETE', path: `users/${userId}/terminals/${terminalId}` }).catch(() => undefined)
  }
  beforeEnd(forget)
  return await over.promise.finally(forget)
}

/** @returns what tells of states: a gateway that is away is tried again and again, and told of once. */
export function tellStates (url: string, print = (line: string) => { process.stderr.write(line) }) {
  let last = ''
  return function tell ({ state, reason, error }: State): void {
    const line = `${state}: ${error ? sentenceOfClient(url, error) : reason}\n`
    if (state === 'closed' || line === last || (state === 'connecting' && last !== '')) return
    print(last = line)
  }
}
