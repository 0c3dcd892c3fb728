// `iris-gateway token <user>`: by the gateway that runs, which knows of kicks and of the time.
import type { Run } from './commands.js'
import { addressOf, checkUrl, configOf, mintToken, serverKeyOf } from './gateway.js'
import { secondsIn, userIn } from './words.js'

export const run: Run = async ([word = ''], { url, ttl }) => {
  const userId = userIn('user', word)
  const ttlSec = secondsIn('--ttl', ttl)
  const config = configOf(process.env)
  const token = await mintToken({
    url: url === undefined ? addressOf(config) : checkUrl(url), key: await serverKeyOf(config), userId, ...(ttlSec && { ttlSec })
  })
  process.stdout.write(`${token}\n`)
  return 0
}
