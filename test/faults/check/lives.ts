// A reader's life: from an attach without a cursor, or a RESET, to the next. Within one it misses nothing.
import type { History, Sight, Stretch } from '../record.js'

export interface Life {
  userId: string
  terminalId: string
  stretches: Stretch[]
  /** What came with an id. */
  entries: Sight[]
  isLast: boolean
  isFirst: boolean
}

export const isMessage = ({ event }: Sight) => event === 'MSG_DOWN' || event === 'ACK_DOWN'
/** Whether it is of a terminal that came when all was over, to see what is there. */
export const isFresh = ({ terminalId }: Pick<Stretch, 'terminalId'>) => terminalId.startsWith('fresh')
export const nameOf = ({ userId, terminalId }: Pick<Stretch, 'userId' | 'terminalId'>) => `${userId}/${terminalId}`

/** @returns the lives of all readers. */
export function livesOf ({ stretches }: History): Life[] {
  return [...Map.groupBy(stretches, nameOf).values()].flatMap(all => {
    const lives: Stretch[][] = []
    for (const stretch of all) {
      if (lives.length === 0 || stretch.isReset || stretch.cursor === undefined) lives.push([stretch])
      else lives.at(-1)?.push(stretch)
    }
    return lives.map((own, i): Life => {
      const { userId, terminalId } = own[0] as Stretch
      const entries = own.flatMap(({ sights }) =>
        sights.filter(({ id, event, data }) => id !== undefined && event !== undefined && data.name !== 'IRIS.READY'))
      return { userId, terminalId, stretches: own, entries, isLast: i === lives.length - 1, isFirst: i === 0 }
    })
  })
}
