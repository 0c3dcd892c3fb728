// `iris-gateway tail <user>`: what comes down to a user, a line of JSON each; how the connection is, on stderr.
import { randomBytes } from 'node:crypto'
import { connect } from '../client/connect.js'
import type { State } from '../client/base/types.js'
import type { Run } from './commands.js'
import { callServer, sentenceOfClient } from './gateway.js'
import { Refusal } from './refusal.js'
import { asUser } from './user.js'
import { userIn } from './words.js'

export const run: Run = async ([word = ''], { url: given }, leave) => {
  const userId = userIn('user', word)
  const { url, key, token } = await asUser(userId, given)
  // of each its own: none takes the stream of another
  const terminalId = `tail-${randomBytes(6).toString('hex')}`
  const iris = connect({ url, token, userId, terminalId, platform: 'other', lease: 'socket', storage: false })
  const forget = () => callServer({ url, key, method: 'DELETE', path: `users/${userId}/terminals/${terminalId}` })
  const say = tellStates(url)
  iris.on('frame', frame => process.stdout.write(`${JSON.stringify(frame)}\n`))
  return await new Promise((_resolve, reject) => {
    const unheard = iris.on('state', state => {
      say(state)
      if (state.state !== 'closed') return
      reject(new Refusal(`It is over: ${state.error ? sentenceOfClient(url, state.error) : state.reason}.`))
    })
    leave(async () => {
      unheard()
      iris.close()
      await forget()
    })
  })
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
