// What is kept over reloads. What cannot be kept is kept in memory, and that is said once.
import { IrisError } from './error.js'
import { world } from './platform.js'
import type { Keeper } from './types.js'

/** @returns a keeper that is the browser's; undefined where there is none, or it is forbidden. */
function browserKeeper (): Keeper | undefined {
  try {
    const storage = world.document && world.localStorage
    return storage && { get: key => storage.getItem(key), set: (key, value) => storage.setItem(key, value) }
  } catch {
    return undefined // reading the property is what throws
  }
}

/**
 * Makes a store under a prefix. Values are JSON. What is set is kept when `set` returns, by a keeper that makes no promises.
 * @param given false: nothing is kept; undefined: by the browser, where it does
 * @param warn hears once that the keeper fails, or that there is none in a page
 */
export function createStore (given: Keeper | false | undefined, prefix: string, warn: (error: IrisError) => void) {
  let keeper = given ?? browserKeeper()
  const memory = new Map<string, string>()
  if (given === undefined && !keeper && world.document) failed('there is none')

  function failed (cause: unknown): void {
    keeper = false
    warn(new IrisError('STORAGE', `Nothing can be kept (${String(cause)}): a reload forgets what is not sent yet`, { cause }))
  }

  const store = {
    /** Somebody else may have written what is there. */
    async text (key: string): Promise<string | undefined> {
      const text = await store.get(key)
      return typeof text === 'string' && /^[\w.-]+$/.test(text) ? text : undefined
    },
    async list<T extends object> (key: string): Promise<T[]> {
      const items = await store.get<T[]>(key)
      return Array.isArray(items) ? items.filter(item => Object(item) === item) : []
    },
    async get<T> (key: string): Promise<T | undefined> {
      try {
        const text = keeper ? await keeper.get(prefix + key) : memory.get(key)
        return JSON.parse(text ?? 'null') as T ?? undefined
      } catch (error) {
        if (!(error instanceof SyntaxError)) failed(error) // else somebody else wrote that
        return undefined
      }
    },
    async set (key: string, value: unknown): Promise<void> {
      const text = JSON.stringify(value)
      memory.set(key, text)
      try {
        if (keeper) await keeper.set(prefix + key, text)
      } catch (error) {
        if (keeper) failed(error)
      }
    }
  }
  return store
}
export type Store = ReturnType<typeof createStore>
