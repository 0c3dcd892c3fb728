// `iris-gateway token <user>`: by the gateway that runs, which knows of kicks and of the time.
import { mintToken } from './call.js'
import type { Run } from './command.js'
import { gatewayOf } from './gateway.js'
import { secondsIn, userIn } from './words.js'

export const run: Run = async ([word = ''], { url, ttl }) => {
  const userId = userIn('user', word)
  const ttlSec = secondsIn('--ttl', ttl)
  const token = await mintToken({ ...await gatewayOf(url, process.env), userId, ...(ttlSec && { ttlSec }) })
  process.stdout.write(`${token}\n`)
  return 0
}
