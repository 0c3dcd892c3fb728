// The webhook that the environment names: one like the others, there from the start of a node on, in each life of the store. [WEBHOOK-1]
import { CONFIGURED, type Target, type Targets } from '../store/webhook/targets.js'

/** What the environment says of it. */
export interface Configured { url: string | undefined, types: string[], secrets: string[] }

interface Floor {
  targets: Pick<Targets, 'get' | 'put'>
  config: Configured
  now (): number
}

/** What makes two records of one webhook the same. */
const factsOf = ({ url, types, secrets }: Target) => JSON.stringify([url, types, secrets])

/** Makes the keeper of the webhook of the environment. */
export function createConfigured ({ targets, config: { url, types, secrets }, now }: Floor) {
  let isRegistered = url === undefined
  let isStart = true

  return {
    /** Sees that it is there, if that is not known. One that was disabled a start of Iris enables, another life of the store does not. */
    async register (): Promise<void> {
      if (isRegistered || url === undefined) return
      isRegistered = true // before it is read: a life that begins meanwhile asks for it once more
      try {
        const before = await targets.get(CONFIGURED)
        const target: Target = { id: CONFIGURED, url, ...(types.length > 0 && { types }), secrets, createdAt: before?.createdAt ?? now() }
        const isWoken = isStart && before?.disabled
        if (!before || isWoken || factsOf(before) !== factsOf(target)) await targets.put(target)
        isStart = false
      } catch (error) {
        isRegistered = false
        throw error
      }
    },

    /** Whether it is known to be what the environment says: what is kept may be older. */
    isRegistered: () => isRegistered,

    /** Another life of the store has begun: it may have lost it. */
    forgetAll (): void { isRegistered = url === undefined }
  }
}
