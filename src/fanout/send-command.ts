// An application's command, from IRIS_CMD_SEND or the server API. [CMD-1] to [CMD-7]
import { isReservedName } from '../protocol/events.js'
import { SYSTEM_USER } from '../protocol/ids.js'
import { Problem } from '../protocol/problem.js'
import { keys, partition } from '../store/keys.js'
import type { Bar } from '../store/conversation/bar.js'
import { inSteps } from '../store/redis/steps.js'
import { type CommandBody, type CommandSender, eventBody, filterOf, isToGroup } from './command-form.js'
import type { Context } from './context.js'
import type { Frame } from '../stream/render.js'
import { newCmdId } from '../stream/say.js'
import { fingerprint } from './send-message.js'
import { noTarget, pack, type Skipped, unpack } from './skipped.js'

type Deps = Pick<Context, 'acquaintance' | 'before' | 'deliver' | 'once' | 'now'>

const DAY_SEC = 86_400
/** An online command is stored nowhere: so long a retry of it is recognised. [CMD-1] */
const ONLINE_DEDUPE_SEC = 300

/** The wire names, which no application may use for a command of its own. [CMD-4] */
const wireNames = [
  'MSG_UP', 'NOTICE_UP', 'READ', 'REVOKE', 'GET_READ_MSG', 'REST_READ_NUM_AND_LAST_MSG', 'GET_SYSTEM_TIME', 'IRIS_CMD_SEND', 'CMD_COMPLETE',
  'NOTICE_COMPLETE', 'HEARTBEAT', 'TOKEN', 'PRESENCE', 'MSG_DOWN', 'NOTICE_DOWN', 'CMD_DOWN', 'ACK_DOWN'
]

/**
 * Sends a command once per sender and `clientCmdId`.
 * @returns users accepted, terminals reached, users stored for, and who was skipped. Throws RESERVED_NAME,
 *   NOT_ALLOWED_TARGET, BLOCKED, MUTED, CONVERSATION_NOT_FOUND, CLIENT_CMD_ID_CONFLICT, and what a hook does.
 */
export async function sendCommand (deps: Deps, body: CommandBody, sender: CommandSender) {
  if (isReservedName(body.name, wireNames)) throw new Problem('RESERVED_NAME', { detail: `${body.name} is a name of the gateway's` })
  const { clientCmdId, ...content } = body
  const facts = {
    key: keys.dedupeCommand(sender.from, clientCmdId),
    fingerprint: fingerprint(content),
    id: newCmdId(deps.now()),
    conflict: 'CLIENT_CMD_ID_CONFLICT' as const,
    ...(body.mode !== 'reliable' && { keepSec: ONLINE_DEDUPE_SEC })
  }
  const { packed, ...sent } = await deps.once(facts, async cmdId => {
    const { skipped, ...counts } = await send(deps, { ...body, cmdId }, sender)
    return { ...counts, packed: pack(skipped, body.to.users) }
  })
  const { cmdId, accepted, online, stored, duplicate } = sent
  return { cmdId, clientCmdId, accepted, online, stored, skipped: unpack(packed, body.to.users), duplicate }
}

interface Reachable { allowed: string[], skipped: Skipped[] }

async function send (deps: Deps, body: CommandBody & { cmdId: string }, sender: CommandSender) {
  const reachable = await targets(deps, body.to, sender)
  const { allowed } = reachable
  const { command: before } = deps.before
  // what reaches nobody is nothing to ask about; the application's own commands are not asked for [HOOK-1]
  if (!before || sender.role === 'server' || allowed.length === 0) return await reach(deps, body, { sender, ...reachable })
  return await before({ body, sender, allowed }, data => reach(deps, data ? { ...body, data } : body, { sender, ...reachable }))
}

async function reach (
  deps: Deps, body: CommandBody & { cmdId: string }, { allowed, skipped, sender }: Reachable & { sender: CommandSender }
) {
  const { cmdId, mode = 'online' } = body
  const refused = mode === 'online' ? [] : await store(deps, body, { allowed, sender })
  const all = [...skipped, ...refused]
  const reached = allowed.filter(userId => !refused.some(one => one.userId === userId))
  if (reached.length === 0 && all.length > 0 && all.every(({ reason }) => reason !== 'BOX_FULL')) throw noTarget(all)
  const frame = mode === 'online' ? { event: 'CMD_DOWN' as const, data: eventBody(body, sender, deps.now()) } : undefined
  return {
    cmdId,
    accepted: reached.length,
    online: await show(deps, body, { reached, sender, frame }),
    stored: mode === 'online' ? 0 : reached.length,
    skipped: all
  }
}

/**
 * Who is meant, and who of them may be: members of a shared conversation who have not blocked the sender, oneself;
 * anybody for the server API. [CMD-3] [DIRECT-4]
 */
async function targets (deps: Deps, to: CommandBody['to'], { from, role }: CommandSender): Promise<Reachable> {
  const { acquaintance } = deps
  if (to.self) return { allowed: [from], skipped: [] }
  if (to.conversationId !== undefined) {
    const seats = await acquaintance.seats(to.conversationId)
    const own = seats?.get(from)
    if (!seats || (role === 'user' && !own)) throw new Problem('CONVERSATION_NOT_FOUND')
    if (role === 'user' && own) checkBar(own, deps.now())
    return { allowed: [...seats.keys()].filter(userId => userId !== from), skipped: [] }
  }
  const users = [...new Set(to.users)]
  if (role === 'server') return { allowed: users, skipped: [] }
  const known = await acquaintance.acquainted(from, users)
  const isAllowed = (userId: string) => known.get(userId)?.isBlocked === false
  return {
    allowed: users.filter(isAllowed),
    skipped: users.filter(userId => !isAllowed(userId))
      .map(userId => ({ userId, reason: known.has(userId) ? 'BLOCKED' : 'NOT_ACQUAINTED' }))
  }
}

/** Throws what a send in that conversation would be refused with. [DIRECT-4] [MUTE-1] */
function checkBar ({ isBlocked, mutedUntil }: Bar, now: number): void {
  if (isBlocked) throw new Problem('BLOCKED')
  if (mutedUntil > now) throw new Problem('MUTED', { members: { mutedUntil } })
}

/**
 * Shows a frame to the terminals that are meant, or counts them.
 * One's own are asked for by themselves: `exceptMine` is of them alone. [CMD-5]
 */
async function show ({ acquaintance, deliver }: Deps, body: CommandBody, { reached, sender, frame }: {
  reached: string[]
  sender: CommandSender
  frame: Frame | undefined
}): Promise<number> {
  const others = reached.filter(userId => userId !== sender.from)
  // who has never answered the sender is not said to be there
  const counted = sender.role === 'server' ? new Set(others) : await acquaintance.answering(sender.from, others, isToGroup(body))
  const groups = [others.filter(userId => counted.has(userId)), reached.filter(userId => userId === sender.from)]
  const strangers = others.filter(userId => !counted.has(userId))
  const tell = async (userIds: string[]) => {
    if (userIds.length === 0) return 0
    const filter = filterOf(body, sender, userIds[0] as string)
    return await deliver.show({ userIds, ...(frame && { frame }), ...(filter && { filter }) })
  }
  const shown = await Promise.all([...groups.map(tell), ...(frame ? [tell(strangers).then(() => 0)] : [])])
  return shown.reduce((sum, online) => sum + online, 0)
}

/** Puts a reliable command into the boxes of its targets. @returns those who do not get it, and why. [CMD-2] */
async function store (
  { deliver }: Deps, body: CommandBody & { cmdId: string }, { allowed, sender }: { allowed: string[], sender: CommandSender }
): Promise<Skipped[]> {
  const { cmdId, clientCmdId, name, ttlSec = DAY_SEC, complete, collapseKey, notifyComplete } = body
  const { from, role } = sender
  const item = {
    id: cmdId,
    from: role === 'server' ? SYSTEM_USER : from,
    draft: eventBody(body, sender),
    meta: { name, ...(notifyComplete && role === 'user' && { notify: true, from, fromTag: partition(from), clientCmdId }) },
    ttlMs: ttlSec * 1000,
    everyTerminal: complete === 'all',
    // in a group blocking does nothing
    isBound: role === 'user' && !isToGroup(body),
    ...(collapseKey !== undefined && { collapseKey: `${from}:${name}:${collapseKey}` })
  }
  const outcomes = await inSteps(allowed, async userId => {
    const filter = filterOf(body, sender, userId)
    return await deliver.item('CMD_BOX', userId, { ...item, ...(filter && { filter: JSON.stringify(filter) }) })
  })
  const reasons = { full: 'BOX_FULL', blocked: 'BLOCKED', stored: undefined, already: undefined, over: undefined } as const
  return allowed.flatMap((userId, i) => {
    const reason = reasons[outcomes[i] ?? 'stored']
    return reason ? [{ userId, reason }] : []
  })
}
