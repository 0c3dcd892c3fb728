// `iris-gateway tail <user>`: what comes down to a user, a line of JSON each; how the connection is, on stderr.
import type { Run } from './commands.js'
import { Refusal } from './refusal.js'
import { connectUser } from './user.js'

export const run: Run = async ([userId = ''], { url }) => {
  const iris = await connectUser({ userId, url, terminalId: 'tail' })
  process.once('SIGINT', iris.close).once('SIGTERM', iris.close)
  iris.on('frame', frame => process.stdout.write(`${JSON.stringify(frame)}\n`))
  return await new Promise((resolve, reject) => {
    iris.on('state', ({ state, reason, error }) => {
      process.stderr.write(`${state}: ${error?.message ?? reason}\n`)
      if (state !== 'closed') return
      if (error) reject(new Refusal(error.message))
      else resolve(0)
    })
  })
}
