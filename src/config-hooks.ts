// What the environment says of hooks. [HOOK-1]
import { type Rule, secretRule } from './config-webhooks.js'
import { type AllowedOrigin, parseCallUrl } from './webhooks/address.js'
import type { OnFailure } from './webhooks/hook.js'
import type { HookConfig } from './webhooks/hooks.js'

/** @param text what a variable says, `list` its items. */
export function readHooks (text: (name: string) => string | undefined, list: (name: string) => string[]): HookConfig {
  const hook = (name: string) => {
    const url = text(name)
    return url === undefined ? undefined : { url, onFailure: text(`${name}_ON_FAILURE`) as OnFailure }
  }
  const [message, command] = [hook('IRIS_HOOK_MESSAGE'), hook('IRIS_HOOK_COMMAND')]
  return { ...(message && { message }), ...(command && { command }), secrets: list('IRIS_HOOK_SECRET') }
}

/** What the type of a variable does not say of hooks. */
export function hookRules ({ hooks, webhooks: { allow } }: { hooks: HookConfig, webhooks: { allow: AllowedOrigin[] } }): Rule[] {
  const { message, command, secrets } = hooks
  return [
    urlRule('IRIS_HOOK_MESSAGE', message?.url, allow),
    urlRule('IRIS_HOOK_COMMAND', command?.url, allow),
    [(message ?? command) !== undefined && secrets.length === 0,
      'IRIS_HOOK_SECRET must be set: by it the application knows that it is asked by Iris'],
    [message === undefined && command === undefined && secrets.length > 0,
      'IRIS_HOOK_SECRET needs IRIS_HOOK_MESSAGE or IRIS_HOOK_COMMAND'],
    secretRule('IRIS_HOOK_SECRET', secrets)
  ]
}

function urlRule (name: string, url: string | undefined, allow: AllowedOrigin[]): Rule {
  const parsed = url === undefined ? undefined : parseCallUrl(url, allow)
  return [parsed !== undefined && 'fault' in parsed, `${name} ${parsed && 'fault' in parsed ? parsed.fault : ''}`]
}
