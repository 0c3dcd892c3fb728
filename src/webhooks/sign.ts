// Signatures of Standard Webhooks 1.0, one for each secret that is valid. [WEBHOOK-3]
import { Webhook } from 'standardwebhooks'

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
