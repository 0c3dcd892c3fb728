// What is asked of the nodes that hold a terminal, on whichever of them it is connected: this one, too.
import type { Watching } from '../hub/volatile.js'
import type { createTerminals } from '../store/user/terminals.js'
import type { Page } from '../stream/jobs.js'
import { type Handed, together } from '../stream/kept.js'
import type { Nodes } from './nodes.js'

interface Floor {
  terminals: Pick<ReturnType<typeof createTerminals>, 'routes'>
  nodes: Pick<Nodes, 'ask' | 'isHearing'>
  /** The name of this node. */
  here: string
  now (): number
}

/** Makes what is asked. While others are not heard nothing is taken: it could not be known. */
export function createElsewhere ({ terminals, nodes, here, now }: Floor) {
  const nodesOf = async (userId: string, terminalId: string) =>
    (await terminals.routes(userId, now())).filter(route => route.terminalId === terminalId).map(({ node }) => node)

  return {
    /**
     * A page of history to one terminal, on whatever node it is connected. [GET-1]
     * @returns false when no node has taken it: then nobody prints it.
     */
    async page (userId: string, terminalId: string, page: Page): Promise<boolean> {
      if (!nodes.isHearing()) return false
      const on = await nodesOf(userId, terminalId)
      return (await Promise.all(on.map(to => nodes.ask(userId, to, 'page', { userId, terminalId, page })))).includes(true)
    },

    /** A terminal watches users, on whatever node it is connected. @returns false when no node has taken it. [SEE-4] */
    async watch (watching: Watching): Promise<boolean> {
      if (!nodes.isHearing()) return false
      const { userId, terminalId } = watching
      const on = await nodesOf(userId, terminalId)
      return (await Promise.all(on.map(to => nodes.ask(userId, to, 'watch', watching)))).includes(true)
    },

    /** What other nodes hand over of the session of a terminal that polls here now; undefined when none had one. [POLL-2] */
    async inherit (userId: string, terminalId: string): Promise<Handed | undefined> {
      const others = (await nodesOf(userId, terminalId)).filter(node => node !== here)
      const found = await Promise.all(others.map(to => nodes.ask(userId, to, 'handOver', { userId, terminalId })))
      const handed = found.filter(each => each !== undefined && each !== null)
      return handed.length > 0 ? together(handed) : undefined
    }
  }
}
