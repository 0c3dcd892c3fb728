// `iris-gateway token <user>`: by the gateway that runs, which knows of kicks and of the time.
import type { Run } from './commands.js'
import { addressOf, checkUrl, configOf, mintToken, serverKeyOf } from './gateway.js'
import { wholeNumber } from './numbers.js'

export const run: Run = async ([userId = ''], { url, ttl }) => {
  const config = configOf(process.env)
  const ttlSec = wholeNumber('--ttl', ttl)
  const token = await mintToken({
    url: url === undefined ? addressOf(config) : checkUrl(url), key: await serverKeyOf(config), userId, ...(ttlSec && { ttlSec })
  })
  process.stdout.write(`${token}\n`)
  return 0
}
