// What a request weighs: what it may cause is counted, not the request. [COST-1]

/** What an operation's request says of its work. */
interface Asked<Body, Query> { body: Body, query: Query }

/** The members of a conversation: only the store knows how many there are. */
export interface MembersOf { membersOf: string }

/**
 * One line of an operation's cost: it weighs one up-request for every `per` of something.
 * `of` names that in words; `count` says how many a valid request causes.
 */
export interface CostLine<Body, Query> {
  per: number
  of: string
  count (asked: Asked<Body, Query>): number | MembersOf
}

/** A request's weight in up-requests; that of `members` comes on top, as soon as somebody knows how many there are. */
export interface Weight { units: number, members?: { conversationId: string, per: number } }

/** What nothing more is known of weighs this. */
export const ONE: Weight = { units: 1 }

/** @returns what a valid request weighs: the sum of its lines, one at least. */
export function weigh<Body, Query> (lines: readonly CostLine<Body, Query>[] | undefined, asked: Asked<Body, Query>): Weight {
  if (!lines) return ONE
  let units = 0
  let members: Weight['members']
  for (const { per, count } of lines) {
    const n = count(asked)
    if (typeof n === 'number') units += Math.ceil(n / per)
    else members = { conversationId: n.membersOf, per }
  }
  return { units: Math.max(1, units), ...(members && { members }) }
}

/** @returns the weight in words: `1 for every 50 members of the conversation`. */
export function costSentence (lines: readonly CostLine<never, never>[] | undefined): string {
  return lines?.map(({ per, of }) => per === 1 ? `1 for each of the ${of}` : `1 for every ${per} ${of}`).join(', ') ?? '1'
}
