// Why a node should get no new work although the store answers: for `/readyz`.

interface Floor {
  nodes: { isHearing (): boolean }
  sweeper: { isBehind (): boolean }
  room: { state (): { reason: string | undefined } }
  /** Whoever asks first after a stop of this process learns that there is something to make good. */
  awake (): number
}

/**
 * @returns `unready()`: the reason in words; undefined: it may.
 *   What was missed while the store was away counts until it is made good. [LIFE-2] [STORE-2]
 */
export function createReadiness ({ nodes, sweeper, room, awake }: Floor) {
  return function unready (): string | undefined {
    awake()
    if (!nodes.isHearing()) return 'other nodes are not heard'
    return sweeper.isBehind() ? 'what was missed is made good first' : room.state().reason
  }
}
