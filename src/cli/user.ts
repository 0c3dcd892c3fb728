// A user at the command line: by the client that everybody has, with tokens that the gateway's own key makes.
import { connect } from '../client/connect.js'
import type { Iris } from '../client/types.js'
import { addressOf, checkUrl, configOf, mintToken, serverKeyOf } from './gateway.js'

interface Facts { userId: string, url: string | undefined, terminalId: string }

/** Connects a user as one more terminal. Throws a Refusal where there is no key, or the gateway makes no token of it. */
export async function connectUser ({ userId, url, terminalId }: Facts): Promise<Iris> {
  const config = configOf(process.env)
  const key = await serverKeyOf(config)
  const at = url === undefined ? addressOf(config) : checkUrl(url)
  const mint = () => mintToken({ url: at, key, userId })
  let first: string | undefined = await mint()
  return connect({
    url: at,
    async token () {
      const token = first ?? await mint()
      first = undefined
      return token
    },
    userId,
    terminalId,
    platform: 'other',
    lease: 'socket',
    storage: false
  })
}
