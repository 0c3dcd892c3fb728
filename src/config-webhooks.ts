// What the environment says of webhooks. [WEBHOOK-1]
import { quoted } from './spelling.js'
import { parseAllowed, parseCallUrl } from './webhooks/address.js'
import { SECRET_PATTERN } from './webhooks/secret.js'
import type { WebhookConfig } from './webhooks/webhooks.js'

/** A rule that values must keep: whether it is broken, and the sentence then. */
export type Rule = [isBroken: boolean, sentence: string]

type Configured = Omit<WebhookConfig, 'sealers'>

interface Facts { webhooks: Configured, events: readonly string[] }

/** @param text what a variable says, `list` its items. */
export function readWebhooks (text: (name: string) => string | undefined, list: (name: string) => string[]): Configured {
  return {
    allow: list('IRIS_WEBHOOK_ALLOW').flatMap(item => parseAllowed(item) ?? []),
    url: text('IRIS_WEBHOOK_URL'),
    secrets: list('IRIS_WEBHOOK_SECRET'),
    types: list('IRIS_WEBHOOK_TYPES')
  }
}

/** @param name of the variable that says them. */
export const secretRule = (name: string, secrets: string[]): Rule => [
  secrets.length > 2 || !secrets.every(secret => new RegExp(SECRET_PATTERN).test(secret)),
  `${name} must be one or two of whsec_ and 24 to 64 bytes in base64`
]

/** What the type of a variable does not say of webhooks. @param allowed the items of `IRIS_WEBHOOK_ALLOW` as they were written. */
export function webhookRules ({ webhooks: { allow, url, secrets, types }, events }: Facts, allowed: string[]): Rule[] {
  const unwritten = types.filter(type => !events.some(kind => kind === type))
  const none = allowed.filter(item => !parseAllowed(item))
  const parsed = url === undefined ? undefined : parseCallUrl(url, allow)
  return [
    [none.length > 0, 'IRIS_WEBHOOK_ALLOW must be origins, http(s)://host[:port] without a path, a port * for any, ' +
      `separated by commas, not ${none.map(quoted).join(', ')}`],
    [parsed !== undefined && 'fault' in parsed, `IRIS_WEBHOOK_URL ${parsed && 'fault' in parsed ? parsed.fault : ''}`],
    [(url === undefined) !== (secrets.length === 0), 'IRIS_WEBHOOK_URL and IRIS_WEBHOOK_SECRET need each other'],
    [unwritten.length > 0, `IRIS_WEBHOOK_TYPES must be kinds that IRIS_EVENTS names, not ${unwritten.map(quoted).join(', ')}`],
    secretRule('IRIS_WEBHOOK_SECRET', secrets)
  ]
}
