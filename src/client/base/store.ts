// What is kept over reloads. What cannot be kept is kept in memory, and that is said once.
import { IrisError } from './error.js'
import { inTime, world } from './platform.js'
import type { Keeper } from './types.js'

/** All that is kept of a user, and, of none, who was there last. */
const KEYS = ['terminal', 'cursor', 'pending', 'outbox', 'way', 'user'] as const
type Key = typeof KEYS[number]
type Name = Key | `${Key}:${string}`
/** One of many: JSON ends it, so that none is the beginning of another. */
const keyOf = (key: Key, id: string): Name => `${key}:${JSON.stringify(id)}`
interface One { clientMsgId: string }

/** A keeper that takes longer has failed. */
const ANSWER_MS = 5_000
/** Where keys cannot be listed the clients of a process change what is kept by the same one after the other. */
const turns = new WeakMap<Keeper, Promise<unknown>>()
/** What is asked of a keeper, with an end. */
const soon = <T>(answer: T | Promise<T>) => answer instanceof Promise ? inTime(answer, ANSWER_MS) : answer

function keeperOf (get: Keeper['get'], set: (key: string, value: string) => void, drop: (key: string) => void, keys: () => string[]) {
  const list = (prefix: string) => keys().filter(key => key.startsWith(prefix))
  return { get, set, list, remove (prefix: string) { list(prefix).forEach(drop) } }
}

function createMemory () {
  const texts = new Map<string, string>()
  return keeperOf(key => texts.get(key), (key, value) => { texts.set(key, value) }, key => texts.delete(key), () => [...texts.keys()])
}

/** @returns a keeper that is the browser's; undefined where there is none, or it is forbidden. */
function browserKeeper (): Keeper | undefined {
  try {
    const storage = world.document && world.localStorage
    return storage && keeperOf(
      key => storage.getItem(key),
      (key, value) => storage.setItem(key, value),
      key => storage.removeItem(key),
      () => Object.keys(storage)
    )
  } catch {
    return undefined // reading the property is what throws
  }
}

/**
 * Makes a store under a prefix. Values are JSON. What is set is kept when `set` returns, by a keeper that makes no promises.
 * @param given false: nothing is kept; undefined: by the browser, where it does
 * @param warn hears once that the keeper fails, or that there is none in a page
 * @param own what stands before the keys of this tab where each is a terminal of its own
 */
export function createStore (given: Keeper | false | undefined, prefix: string, warn: (error: IrisError) => void, own = '') {
  /** What one tab cannot send any more another one does. */
  const at = (name: Name) => prefix + (name.startsWith('outbox') ? '' : own) + name
  const memory = createMemory()
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
      return typeof text === 'string' && /^[\w-]{1,64}$/.test(text) ? text : undefined
    },
    async list<T extends object> (key: Key): Promise<T[]> {
      const items = await store.get<T[]>(key)
      return Array.isArray(items) ? items.filter(item => Object(item) === item) : []
    },
    async get<T> (key: Name): Promise<T | undefined> {
      try {
        return JSON.parse(await soon((keeper || memory).get(at(key))) ?? 'null') as T ?? undefined
      } catch (error) {
        if (!(error instanceof SyntaxError)) failed(error) // else somebody else wrote that
        return undefined
      }
    },
    async set (key: Name, value: unknown): Promise<void> {
      const text = JSON.stringify(value)
      memory.set(at(key), text)
      try {
        if (keeper) await soon(keeper.set(at(key), text))
      } catch (error) {
        failed(error)
      }
    },
    /** All that `put` has kept under a key. */
    async each<T extends One> (key: Key): Promise<T[]> {
      let kept = await store.list<T>(key)
      const place = keeper || memory
      try {
        if (place.list && place.remove) {
          // as it was kept before keys could be listed
          for (const one of kept) await store.put(key, one.clientMsgId, one)
          if (kept.length) await store.set(key, [])
          const names = await soon(place.list(`${prefix}${key}:`))
          kept = await Promise.all(names.map(name => store.get(name.slice(prefix.length) as Name) as Promise<T>))
        }
      } catch (error) {
        failed(error)
      }
      return kept.filter(one => one && one.clientMsgId)
    },
    /** Keeps one of many, or no more. */
    async put<T extends One> (key: Key, id: string, one?: T): Promise<void> {
      const place = keeper || memory
      if (!place.list || !place.remove) {
        const mine = (turns.get(place) ?? Promise.resolve()).then(async () => {
          const others = (await store.list<T>(key)).filter(({ clientMsgId }) => clientMsgId !== id)
          await store.set(key, one ? [...others, one] : others)
        })
        turns.set(place, mine)
        return await mine
      }
      const name = keyOf(key, id)
      if (one) return await store.set(name, one)
      memory.remove(at(name))
      try {
        // also where nothing more can be kept: it would be sent again
        if (origin && origin.remove) await soon(origin.remove(at(name)))
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
      memory.remove('')
      try {
        if (origin && origin.remove) await origin.remove(all)
        else if (origin) await Promise.all(KEYS.map(async key => void await origin.set(at(key), 'null')))
      } catch (cause) {
        warn(new IrisError('STORAGE', `What is kept of the user could not be removed (${String(cause)})`, { cause }))
      }
    }
  }
  return store
}
export type Store = ReturnType<typeof createStore>
