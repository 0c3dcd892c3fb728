// Whom something is for, in one form for messages, commands and notices; and what was published before in another. [SERVER-6]
import { Type } from '@sinclair/typebox'
import { ConversationId, TerminalId, UserId } from './ids.js'
import { limitedItems, type LimitName } from './limits.js'

/** Some users, the members of a conversation, oneself, or everybody. */
export interface Target { users?: string[], conversationId?: string, self?: true, everybody?: true }

const { pattern } = UserId

/**
 * The schema of `to`: a user's id, or an object with one member.
 * @param most how many users it may name: a number, or the limit that says so. @param isOfTerminals whether it can mean one's own.
 * @param isOfAll whether it can mean everybody.
 */
export function To (most: number | LimitName, { isOfTerminals = false, isOfAll = false } = {}) {
  const bound = typeof most === 'number' ? { maxItems: most } : limitedItems(most)
  const users = Type.Array(UserId, { minItems: 1, uniqueItems: true, ...bound })
  return Type.Unsafe<string | Target>({
    type: ['string', 'object'],
    pattern,
    properties: {
      users,
      conversationId: ConversationId,
      ...(isOfTerminals && { self: Type.Literal(true) }),
      ...(isOfAll && { everybody: Type.Literal(true) })
    },
    additionalProperties: false,
    description: 'Whom it is for: a user\'s id, or one of `{"users": [...]}`, `{"conversationId": ...}`' +
      `${isOfTerminals ? ', `{"self": true}`' : ''}${isOfAll ? ', `{"everybody": true}`' : ''}. [SERVER-6]`,
    examples: ['bob']
  })
}

/** @returns a target as an object. */
export const targetOf = (to: string | Target): Target => typeof to === 'string' ? { users: [to] } : to

/**
 * A message is for one: `to` a user, or a conversation, which may stand beside `to`, too.
 * @returns it as it was published; nothing where it names none or several.
 */
export function oneTarget ({ to, conversationId }: { to?: string | Target | undefined, conversationId?: string | undefined }) {
  const { users: [userId] = [], conversationId: inside } = to === undefined ? {} : targetOf(to)
  const named = [userId, inside, conversationId].filter(one => one !== undefined)
  const meant = inside ?? conversationId
  if (named.length !== 1) return undefined
  return meant === undefined ? { to: userId as string } : { conversationId: meant }
}

/** A list of users, each by his id or as an object with what is said of him. */
export const Named = <Facts>(properties: Record<string, object> = {}) => Type.Unsafe<string | (Facts & { userId: string })>({
  type: ['string', 'object'],
  pattern,
  properties: { userId: UserId, ...properties },
  required: ['userId'],
  additionalProperties: false,
  examples: ['bob']
})

/** @returns a named user as an object. */
export const namedOf = <Facts>(user: string | (Facts & { userId: string })): Partial<Facts> & { userId: string } =>
  typeof user === 'string' ? { userId: user } as Partial<Facts> & { userId: string } : user

/** Facts of terminals beside their ids, by which they are meant, too. */
export interface Meant { ids?: string[], platforms?: string[], exceptMine?: boolean }

interface TerminalFacts { properties?: Record<string, object>, required?: string[], uniqueItems?: boolean, description: string }

/** Some terminals: their ids, or an object in which `ids` stand; beside them what else tells terminals. */
export function Terminals ({ properties = {}, required = [], uniqueItems = false, description }: TerminalFacts) {
  const ids = { ...Type.Array(TerminalId), minItems: 1, uniqueItems, ...limitedItems('ids') }
  return Type.Unsafe<string[] | Meant>({
    ...ids, type: ['array', 'object'], properties: { ids, ...properties }, required, additionalProperties: false, description
  })
}

/** @returns named terminals as an object. */
export const terminalsOf = (terminals: string[] | Meant): Meant => Array.isArray(terminals) ? { ids: terminals } : terminals
