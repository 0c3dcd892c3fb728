// Who this is: the user, his terminal, this tab, and where what is kept of them is found.
import type { Base } from '../base/base.js'
import { errorOf } from '../base/error.js'
import { newId, world } from '../base/platform.js'
import { createStore, type Store } from '../base/store.js'
import type { Options } from '../base/types.js'
import { claimTab, tabOf } from './tab.js'

/**
 * @param isPerTab each tab of this browser is a terminal of its own
 * @returns `learn()`: finds all that, and returns the store, or nothing where there is nobody, or the client was closed; `name()`, which
 *   the user's tabs have in common, and nobody else; `tab()`; `store()`; `forget()`, also before anything was learnt; `warn(error)`
 */
export function createIdentity ({ url, me, tokens, show, emit, ended, identify }: Base, storage: Options['storage'], isPerTab: boolean) {
  let tab = world.document ? tabOf() : newId()
  let store: Store | undefined

  const warn = (error: unknown) => emit('warning', errorOf(error))
  // two gateways may stand under paths of one host
  const name = () => `iris:${url.replace(/^\w+:\/\//, '')}:${me.userId}:`
  const openStore = () => createStore(storage, name() + (isPerTab ? `${tab}:` : ''), warn)

  async function learn (): Promise<Store | undefined> {
    if (ended.aborted) return undefined
    // whose it is must be known before what was kept of him is
    me.userId ??= await tokens.whose(show)
    if (!me.userId || ended.aborted) return undefined
    if (isPerTab) tab = await claimTab()
    if (ended.aborted) return undefined
    store = openStore()
    me.terminalId ??= await store.word('terminal') ?? `t-${newId()}`
    identify()
    return store
  }

  return {
    learn,
    name,
    warn,
    tab: () => tab,
    store: () => store,
    forget () { if (me.userId) void (store ?? openStore()).forget(name()) }
  }
}
