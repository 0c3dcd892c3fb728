// What is kept over reloads. What cannot be kept is kept in memory, and that is said once.
import { IrisError } from './error.js'
import { world } from './platform.js'
import type { Keeper } from './types.js'

/** All that is kept of a user, and, of none, who was there last. */
const KEYS = ['terminal', 'cursor', 'pending', 'outbox', 'way', 'user'] as const
type Key = typeof KEYS[number]
type Name = Key | `${Key}:${string}`
/** One of many: JSON ends it, so that none is the beginning of another. */
const keyOf = (key: Key, id: string): Name => `${key}:${JSON.stringify(id)}`
interface One { clientMsgId: string }

/** Where keys cannot be listed the clients of a process change what is kept one after the other. */
let turn: Promise<unknown> = Promise.resolve()

/** @returns a keeper that is the browser's; undefined where there is none, or it is forbidden. */
function browserKeeper (): Keeper | undefined {
  try {
    const storage = world.document && world.localStorage
    const list = (prefix: string) => Object.keys(storage ?? {}).filter(key => key.startsWith(prefix))
    return storage && {
      get: key => storage.getItem(key),
      set: (key, value) => storage.setItem(key, value),
      list,
      remove (prefix) { for (const key of list(prefix)) storage.removeItem(key) }
    }
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
  const memory: Keeper & Map<string, string> = new Map()
  const origin = given ?? browserKeeper()
  let keeper: Keeper | false | undefined = origin
  if (keeper === undefined && world.document) failed('there is none')

  function failed (cause: unknown): void {
    if (keeper === memory) return
    keeper = memory
    warn(new IrisError('STORAGE', `Nothing can be kept (${String(cause)}): a reload forgets what is unsent`, { cause }))
  }

  const store = {
    /** Somebody else may have written what is there. */
    async word (key: Key): Promise<string | undefined> {
      const text = await store.get(key)
      return typeof text === 'string' && /^[\w.-]+$/.test(text) ? text : undefined
    },
    async list<T extends object> (key: Key): Promise<T[]> {
      const items = await store.get<T[]>(key)
      return Array.isArray(items) ? items.filter(item => Object(item) === item) : []
    },
    async get<T> (key: Name): Promise<T | undefined> {
      try {
        return JSON.parse(await (keeper || memory).get(prefix + key) ?? 'null') as T ?? undefined
      } catch (error) {
        if (!(error instanceof SyntaxError)) failed(error) // else somebody else wrote that
        return undefined
      }
    },
    async set (key: Name, value: unknown): Promise<void> {
      const text = JSON.stringify(value)
      memory.set(prefix + key, text)
      try {
        if (keeper) await keeper.set(prefix + key, text)
      } catch (error) {
        failed(error)
      }
    },
    /** All that `put` has kept under a key. */
    async each<T extends One> (key: Key): Promise<T[]> {
      const kept = await store.list<T>(key)
      const start = `${prefix}${key}:`
      try {
        for (const name of keeper && keeper.list ? await keeper.list(start) : []) {
          const one = await store.get<T>(name.slice(prefix.length) as Name)
          if (Object(one) === one) kept.push(one as T)
        }
      } catch (error) {
        failed(error)
      }
      return kept.filter(({ clientMsgId }) => clientMsgId)
    },
    /** Keeps one of many, or no more. */
    async put<T extends One> (key: Key, id: string, one?: T): Promise<void> {
      if (!keeper || !keeper.list || !keeper.remove) {
        const mine = turn.then(async () => {
          const others = (await store.list<T>(key)).filter(({ clientMsgId }) => clientMsgId !== id)
          await store.set(key, one ? [...others, one] : others)
        })
        turn = mine
        return await mine
      }
      const name = keyOf(key, id)
      if (one) return await store.set(name, one)
      memory.delete(prefix + name)
      try {
        await keeper.remove(prefix + name)
      } catch (error) {
        failed(error)
      }
    },
    /**
     * Removes all that is kept of a user, by whichever tab, also where nothing more could be kept: from now on nothing is.
     * @param all what the keys of all tabs begin with
     */
    async forget (all: string): Promise<void> {
      keeper = memory
      memory.clear()
      try {
        if (origin && origin.remove) await origin.remove(all)
        else if (origin) await Promise.all(KEYS.map(async key => void await origin.set(prefix + key, 'null')))
      } catch (cause) {
        warn(new IrisError('STORAGE', `What is kept of the user could not be removed (${String(cause)})`, { cause }))
      }
    }
  }
  return store
}
export type Store = ReturnType<typeof createStore>
