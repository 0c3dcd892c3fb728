// The id of this tab: it survives a reload. No other tab has it once it is claimed.
import { channelOf, newId, world } from '../base/platform.js'

const KEY = 'iris:tab'
/** So long another tab may take to say that an id is its own. */
const CLAIM_MS = 200

/** What this page has made: no other has it. */
let own: string | undefined
/** One for each page that is loaded, however many clients are in it. */
let claimed: Promise<string> | undefined

/** @returns what the browser lets survive a reload; the copy of a tab has the original's. */
function storage () {
  try {
    return world.document && world.sessionStorage
  } catch {
    return undefined // forbidden
  }
}

function make (): string {
  own = newId()
  try {
    storage()?.setItem(KEY, own)
  } catch {} // full
  return own
}

/** @returns the id as it is found here: that of a copy is the original's until it is claimed. */
export const tabOf = (): string => storage()?.getItem(KEY) ?? make()

/** @returns the id when it is known to be of this tab alone: a copy takes a new one, since the original says that it is there. */
export const claimTab = (): Promise<string> => (claimed ??= new Promise(resolve => {
  let id = tabOf()
  let isAsking = id !== own
  const channel = channelOf(KEY)
  if (!channel) return resolve(id)
  channel.unref?.()
  channel.onmessage = ({ data }) => {
    if (data === `?${id}`) channel.postMessage(`!${id}`)
    else if (isAsking && data === `!${id}`) id = make()
  }
  if (!isAsking) return resolve(id)
  channel.postMessage(`?${id}`)
  setTimeout(() => {
    isAsking = false
    resolve(id)
  }, CLAIM_MS)
}))
