// A user at the command line: where the gateway is, and tokens of his that its own key makes.
import { mintToken } from './call.js'
import { gatewayOf } from './gateway.js'

/**
 * Looks where the gateway is, and makes a first token of the user: whoever cannot be one is refused here.
 * @returns `url`, where the gateway is, `key`, that of its server API, and `token()`. Throws a Refusal where there is no key, or the
 *   gateway makes no token of him.
 */
export async function asUser (userId: string, given: string | undefined) {
  const { url, key, keyFile } = await gatewayOf(given, process.env)
  let first: string | undefined = await mintToken({ url, key, keyFile, userId })
  return {
    url,
    key: key as string,
    async token (): Promise<string> {
      const token = first ?? await mintToken({ url, key, keyFile, userId })
      first = undefined
      return token
    }
  }
}
