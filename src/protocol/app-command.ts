// An application's own command, as IRIS_CMD_SEND and the server API take it. Section 5.
import { type Static, type TObject, Type } from '@sinclair/typebox'
import type { CostLine } from './cost.js'
import { clientId, CommandName, Platform, UserId } from './ids.js'
import { limitedBytes, limitedItems } from './limits.js'
import type { FieldError } from './problem.js'
import { To, type Target, targetOf, Terminals, terminalsOf } from './target.js'

const strict = { additionalProperties: false }
const oneOf = <T extends string>(...names: T[]) => Type.Unsafe<T>({ type: 'string', enum: names })

/** The members of the body. */
export const CommandFields = {
  clientCmdId: clientId('Made by the client; the same for every retry of this command.', 't-1'),
  name: CommandName,
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Carried, never read.', ...limitedBytes('dataBytes') })),
  to: To('ids', { isOfTerminals: true }),
  terminals: Type.Optional(Terminals({
    properties: {
      platforms: Type.Array(Platform, { minItems: 1, ...limitedItems('ids') }),
      exceptMine: Type.Boolean({ description: 'Not to the terminal that sends.' })
    },
    description: 'Only to these terminals of each user: their ids, or an object that may name `ids`, `platforms`, `exceptMine`. [SERVER-6]'
  })),
  mode: Type.Optional(oneOf('online', 'reliable')),
  ttlSec: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_592_000, default: 86_400 })),
  complete: Type.Optional(oneOf('any', 'all')),
  collapseKey: Type.Optional(Type.String({
    pattern: '^[A-Za-z0-9_.:-]{1,64}$',
    description: 'Replaces the pending command of the same sender, target, name and key. [CMD-6]'
  })),
  notifyComplete: Type.Optional(Type.Boolean({ description: 'The sender gets CMD_DOWN CMD_COMPLETE when a user has completed it.' }))
}

/** Rules between the fields: one target; what only a reliable command can have. */
export function checkCommand ({
  to, mode = 'online', ttlSec, complete, collapseKey, notifyComplete
}: Static<TObject<typeof CommandFields>>): FieldError[] {
  const errors: FieldError[] = []
  if (Object.keys(targetOf(to)).length !== 1) {
    errors.push({ pointer: '/to', detail: 'exactly one of users, conversationId and self is needed' })
  }
  const reliableOnly = { ttlSec, complete, collapseKey, notifyComplete }
  for (const [name, value] of Object.entries(reliableOnly)) {
    if (mode === 'online' && value !== undefined) {
      errors.push({ pointer: `/${name}`, detail: 'needs mode reliable: an online command is stored nowhere' })
    }
  }
  return errors
}

type Command = Static<TObject<typeof CommandFields>>

/** @returns a command with whom it is for as objects. [SERVER-6] */
export const commandOf = ({ to, terminals, ...command }: Command) =>
  ({ ...command, to: targetOf(to), ...(terminals !== undefined && { terminals: terminalsOf(terminals) }) })

/** What a command weighs: one that is kept is written to everybody it is for. [COST-1] */
export const commandCosts: CostLine<Command, unknown>[] = [
  {
    per: 25,
    of: 'users that an `online` command is for',
    count: ({ body: { to, mode = 'online' } }) => mode === 'online' ? targetsOf(to) : 0
  },
  { per: 3, of: 'users that a `reliable` one is for', count: ({ body: { to, mode } }) => mode === 'reliable' ? targetsOf(to) : 0 }
]

function targetsOf (to: string | Target) {
  const { users = [], conversationId } = targetOf(to)
  return conversationId === undefined ? users.length : { membersOf: conversationId }
}

export const CommandResult = Type.Object({
  cmdId: Type.String({ description: 'What CMD_COMPLETE takes.' }),
  clientCmdId: Type.String(),
  accepted: Type.Integer({ minimum: 0, description: 'Users it was accepted for.' }),
  online: Type.Integer({ minimum: 0, description: 'Terminals connected now that it was sent to.' }),
  stored: Type.Integer({ minimum: 0, description: 'Users it is kept for.' }),
  skipped: Type.Array(Type.Object({ userId: UserId, reason: oneOf('NOT_ACQUAINTED', 'BOX_FULL', 'BLOCKED') })),
  duplicate: Type.Boolean()
})

export const CompleteBody = (example: string) => Type.Object({
  ids: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$', examples: [example] }), {
    minItems: 1,
    uniqueItems: true,
    ...limitedItems('ids')
  })
}, strict)

export const CompleteResult = Type.Object({
  results: Type.Array(Type.Object({ id: Type.String(), state: oneOf('completed', 'already', 'unknown', 'expired') }))
})
