// Who this is: the user, his terminal, this tab, and where what is kept of them is found.
import type { Base } from '../base/base.js'
import { newId, world } from '../base/platform.js'
import { createStore, type Store } from '../base/store.js'
import type { Options } from '../base/types.js'
import { claimTab, tabOf } from './tab.js'

/**
 * @param isPerTab each tab of this browser is a terminal of its own
 * @returns `learn()`: finds all that, and returns the store, or nothing where there is nobody, or the client was closed; `name()`, which
 *   the user's tabs have in common, and nobody else; `tab()`; `store()`; `forget()`, also before anything was learnt
 */
export function createIdentity ({ url, me, tokens, show, warn, ended, identify }: Base, storage: Options['storage'], isPerTab: boolean) {
  let tab = world.document ? tabOf() : newId()
  let store: Store | undefined

  // two gateways may stand under paths of one host
  const name = (userId = me.userId) => `iris:${url.replace(/^\w+:\/\//, '')}:${userId}:`
  const openStore = (userId?: string) => createStore(storage, name(userId), warn, isPerTab ? `${tab}:` : '')
  /** Who was here last: of one who has signed out no token says who he was. */
  const last = createStore(storage, name(''), () => undefined)

  async function learn (): Promise<Store | undefined> {
    if (ended.aborted) return undefined
    // whose it is must be known before what was kept of him is
    me.userId ??= await tokens.whose(show)
    if (!me.userId || ended.aborted) return undefined
    if (isPerTab) tab = await claimTab()
    if (ended.aborted) return undefined
    store = openStore()
    void last.set('user', me.userId)
    me.terminalId ??= await store.word('terminal') ?? `t-${newId()}`
    identify()
    return store
  }

  async function forget (): Promise<void> {
    const remove = (userId: string) => void (store ?? openStore(userId)).forget(name(userId))
    if (me.userId) remove(me.userId) // at once: nothing of him is written any more
    else {
      const userId = await last.get<string>('user')
      if (userId) remove(userId)
    }
    await last.forget(name(''))
  }

  return {
    learn,
    name,
    tab: () => tab,
    store: () => store,
    forget
  }
}
