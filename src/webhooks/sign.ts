// Signatures of Standard Webhooks 1.0, one for each secret that is valid. [WEBHOOK-4]
import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'

const BYTES = 32

/** A secret as it is handed in: `whsec_` and 24 to 64 bytes in base64. */
export const SECRET_PATTERN = '^whsec_(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'

/** @returns a new secret. */
export const newSecret = () => `whsec_${randomBytes(BYTES).toString('base64')}`

/**
 * Makes `sign(id, atMs, body)` for one or two secrets.
 * @returns the headers `webhook-id`, `webhook-timestamp` (s) and `webhook-signature`, which a receiver
 *   may verify by whichever secret he has.
 */
export function createSigner (secrets: readonly string[]) {
  const signers = secrets.map(secret => new Webhook(secret))
  return (id: string, atMs: number, body: string): Record<string, string> => {
    const at = new Date(atMs)
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(atMs / 1000)),
      'webhook-signature': signers.map(signer => signer.sign(id, at, body)).join(' ')
    }
  }
}
