// The hooks that the environment names: one before messages, one before commands. [HOOK-1]
import type { HookName } from '../protocol/hook-body.js'
import type { Limits } from '../protocol/limits.js'
import { type AllowedOrigin, parseCallUrl } from './address.js'
import { createCaller, noCaller } from './caller.js'
import { createHook, type Hook, type HookCounts, type HookFloor, type OnFailure } from './hook.js'
import { createSigner } from './sign.js'
import { createSlots } from './slots.js'

/** What is asked, by the end of its variable's name, and its wire name. */
const hookNames = { message: 'message.beforeSend', command: 'command.beforeSend' } as const satisfies Record<string, HookName>

export type HookKind = keyof typeof hookNames

/** What the environment says of hooks. */
export type HookConfig = { [kind in HookKind]?: { url: string, onFailure: OnFailure } } & { secrets: string[] }

export const noHooks: HookConfig = { secrets: [] }

/** So many questions about one user are under way: as many frames of a WebSocket are. */
const OF_ONE = 8

interface Floor extends Pick<HookFloor, 'readJson' | 'now' | 'log'> {
  config: HookConfig
  allow: AllowedOrigin[]
  limits: Pick<Limits, 'hookMs' | 'hookAtOnce' | 'hookQueue' | 'bodyBytes'>
  meter: { hooks: Record<HookKind, HookCounts>, hookAsked (ms: number, kind: HookKind): void }
}

/** Makes those that are named, each with connections and slots of its own: one that is slow holds up nothing of the other. */
export function createHooks ({ config, allow, limits, meter, ...floor }: Floor) {
  const sign = createSigner(config.secrets)
  const callers: { close (): Promise<void> }[] = []

  function make (kind: HookKind): Hook | undefined {
    const facts = config[kind]
    if (!facts) return undefined
    const parsed = parseCallUrl(facts.url, allow)
    const caller = 'fault' in parsed ? noCaller(parsed.fault) : createCaller(parsed, { connections: limits.hookAtOnce })
    callers.push(caller)
    return createHook({
      ...floor,
      name: hookNames[kind],
      onFailure: facts.onFailure,
      caller,
      slots: createSlots({ most: limits.hookAtOnce, ofOne: Math.min(OF_ONE, limits.hookAtOnce), queue: limits.hookQueue }),
      sign,
      limits,
      counts: meter.hooks[kind],
      onAsked: ms => meter.hookAsked(ms, kind)
    })
  }

  return {
    message: make('message'),
    command: make('command'),

    /** Cuts what is asked now. */
    async close (): Promise<void> {
      await Promise.all(callers.map(async caller => await caller.close()))
    }
  }
}

export type Hooks = ReturnType<typeof createHooks>
