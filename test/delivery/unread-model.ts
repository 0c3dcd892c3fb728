// The model of unread.test.ts: four users, two direct conversations and two groups, as the clauses say it and nothing cleverer.

/** The log of the model is short, so that messages leave it; so is a mailbox, so that there are more than it brings. */
export const [LOG, MAILBOX] = [5, 8]

/** What a user has of a conversation that he is in. `shown`: it has had a message since he is in it, so its place in his list is known. */
interface Standing { joined: number, readSeq: number, mark: boolean, unread: Set<number>, shown: boolean }
interface Written { from: string, ts: number, revoked: boolean }

/** A conversation. A direct one has no members before its first message. */
export interface Talk {
  id: string
  users: string[]
  isGroup: boolean
  head: number
  lastTs: number
  log: Map<number, Written>
  members: Map<string, Standing>
}

/** What a user must see: his list, his mailbox (`<conversation> <seq>`, in order), and how much is unread. */
export interface Sight {
  rows: Map<string, { headSeq: number, readSeq: number, unread: number, unreadMark: boolean }>
  order: string[]
  mailbox: string[]
  more: boolean
  total: number
}

/** Makes the model. @param talks who may meet where; groups begin with their first two users. */
export function createModel (talks: Pick<Talk, 'id' | 'users' | 'isGroup'>[]) {
  const all = talks.map((talk): Talk => ({ ...talk, head: 0, lastTs: 0, log: new Map(), members: new Map() }))
  for (const talk of all.filter(({ isGroup }) => isGroup)) talk.users.slice(0, 2).forEach(user => enter(talk, user))

  /** [GET-3] One who joins sees what comes from then on; what he had of an earlier time is gone. [REST-1] */
  function enter ({ members, head }: Talk, user: string): void {
    members.set(user, { joined: head + 1, readSeq: 0, mark: false, unread: new Set(), shown: false })
  }

  const standings = (talk: Talk) => [...talk.members.values()]

  return {
    talks: all,

    /** [MSG-3] Every other member has it unread, unless it is silent; the log keeps its newest messages. @returns its number. */
    send (talk: Talk, { from, ts, silent }: { from: string, ts: number, silent: boolean }): number {
      if (!talk.isGroup && talk.head === 0) talk.users.forEach(user => enter(talk, user))
      const seq = ++talk.head
      talk.lastTs = ts
      talk.log.set(seq, { from, ts, revoked: false })
      talk.log.delete(seq - LOG)
      for (const [user, standing] of talk.members) {
        standing.shown = true
        if (user !== from && !silent) standing.unread.add(seq)
        standing.unread.delete(seq - LOG)
      }
      return seq
    },

    /** [READ-1] [READ-2] [REST-1] `upTo` raises the marker, `seqs` are taken singly; `mark`: undefined leaves it as it is. */
    read (
      talk: Talk, user: string, { upTo = 0, seqs = [], mark }: { upTo?: number, seqs?: number[], mark?: boolean | undefined }
    ): Standing | undefined {
      const standing = talk.members.get(user)
      if (!standing) return undefined
      const to = Math.min(upTo, talk.head)
      standing.readSeq = Math.max(standing.readSeq, to)
      for (const seq of standing.unread) if (seq <= to || seqs.includes(seq)) standing.unread.delete(seq)
      standing.mark = mark ?? standing.mark
      return standing
    },

    /** [REVOKE-3] @returns whether it was revoked before; undefined when the log does not have it. */
    revoke (talk: Talk, seq: number): boolean | undefined {
      const message = talk.log.get(seq)
      if (!message) return undefined
      const before = message.revoked
      message.revoked = true
      for (const { unread } of standings(talk)) unread.delete(seq)
      return before
    },

    /**
     * What was sent up to there has had its time: it is in no log, and unread for nobody.
     * @param lastTs of the last message, where it is all.
     */
    age (talk: Talk, upTo: number, lastTs: number): void {
      for (const seq of talk.log.keys()) if (seq <= upTo) talk.log.delete(seq)
      for (const { unread } of standings(talk)) for (const seq of unread) if (seq <= upTo) unread.delete(seq)
      if (upTo >= talk.head) talk.lastTs = lastTs
    },

    join: (talk: Talk, user: string): void => { if (!talk.members.has(user)) enter(talk, user) },
    leave: (talk: Talk, user: string): void => { talk.members.delete(user) },

    /** A direct conversation that was quiet for long is forgotten whole. */
    forget (talk: Talk): void {
      talk.members.clear()
      talk.log.clear()
      talk.head = talk.lastTs = 0
    },

    /** [REST-3] [ATTACH-3] */
    sightOf (user: string): Sight {
      const mine = all.flatMap(talk => talk.members.has(user) ? [{ talk, standing: talk.members.get(user) as Standing }] : [])
      const unread = mine.flatMap(({ talk: { id, log }, standing }) =>
        [...standing.unread].map(seq => ({ id, seq, ts: log.get(seq)?.ts ?? 0 })))
      const oldest = unread.sort((a, b) => a.ts - b.ts || compare(a.id, b.id) || a.seq - b.seq).slice(0, MAILBOX)
      const placed = mine.filter(({ standing: { shown } }) => shown)
        .map(({ talk }) => talk)
        .sort((a, b) => b.lastTs - a.lastTs || compare(b.id, a.id))
      return {
        rows: new Map(mine.map(({ talk: { id, head }, standing: { readSeq, unread: { size }, mark } }) =>
          [id, { headSeq: head, readSeq, unread: size, unreadMark: mark }])),
        order: placed.map(({ id }) => id),
        mailbox: oldest.map(({ id, seq }) => `${id} ${seq}`),
        more: unread.length > oldest.length,
        total: unread.length
      }
    }
  }
}

export type Model = ReturnType<typeof createModel>

const compare = (a: string, b: string) => a < b ? -1 : Number(a > b)
