// What clients did, were told and saw: all that the checker judges by. Times are ms of one monotonic clock.

/** An event as it came. */
export interface Sight {
  at: number
  event?: string | undefined
  id?: string | undefined
  data: Record<string, unknown> & { name?: string, data?: Record<string, unknown> }
}

/** One connection, or one answer of a poll: what came from one attach on. */
export interface Stretch {
  userId: string
  terminalId: string
  transport: Transport
  /** Where it was: name and generation. */
  node: string
  began: number
  /** When its token was there. */
  tokenAt: number
  /** Where it was to resume. */
  cursor?: string | undefined
  recovered?: boolean | undefined
  isReset: boolean
  /** READY came: all that was there has been seen. */
  isReady: boolean
  sights: Sight[]
  /** Where an answer of a poll says that it ends. */
  end?: string
  /** The code of its goodbye, or the status of its refusal. */
  bye?: number | undefined
}

export type Transport = 'sse' | 'poll' | 'ws'

/** What was asked, until it was answered 200; `node` answered what was `tried` then. It may have been asked, and done, more often. */
export interface Asked { began: number, tried?: number, answered?: number, node?: string, refused?: string }
export interface Send extends Asked {
  userId: string
  conversationId: string
  clientMsgId: string
  text: string
  seq?: number
  epoch?: string
}
export interface Revoke extends Asked { conversationId: string, seq: number, clientMsgId: string }
export interface Command extends Asked { clientCmdId: string, to: string, isReliable: boolean, cmdId?: string, stored?: number }
export interface Complete extends Asked { userId: string, cmdId: string }
export interface Read extends Asked { userId: string, conversationId: string, upToSeq: number }
export interface Kick extends Asked { userId: string, terminalId: string }
/** A stay in a group, from the answer to the joining to the asking for the leaving. */
export interface Stay { userId: string, conversationId: string, joined: number, leaving?: number }
/** A fault, where it was and as long as it lasted. `isLossy`: the store may have lost what it had acknowledged. */
export interface Injected { name: string, from: number, to: number, hits: number, isLossy?: boolean }

/** What a user may see of a conversation when all is over. */
export interface Truth {
  userId: string
  conversationId: string
  epoch: string
  minSeq: number
  headSeq: number
  readSeq: number
  unread: number
  messages: { seq: number, type: string, from: string, clientMsgId: string }[]
}

/** An event of the stream that a back end reads. */
export interface Told { type: string, conversationId?: string, seq?: number }

export type History = ReturnType<typeof createHistory>

/** Makes an empty history. */
export function createHistory () {
  return {
    stretches: [] as Stretch[],
    sends: [] as Send[],
    revokes: [] as Revoke[],
    commands: [] as Command[],
    completes: [] as Complete[],
    reads: [] as Read[],
    kicks: [] as Kick[],
    stays: [] as Stay[],
    faults: [] as Injected[],
    truths: [] as Truth[],
    /** What a back end is told, from the oldest event that is kept on; once that was asked. */
    told: undefined as Told[] | undefined,
    /** Other lives of the store: when each began, ms -> why, as the node says that began it. */
    lives: new Map<number, string>(),
    /** Sentences about what had not become as it should when the time was over. */
    stuck: [] as string[]
  }
}
