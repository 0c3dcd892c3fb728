// Secrets of webhooks, as Standard Webhooks writes them. [WEBHOOK-3]
import { randomBytes } from 'node:crypto'

const BYTES = 32

/** A secret as it is handed in: `whsec_` and 24 to 64 bytes in base64. */
export const SECRET_PATTERN = '^whsec_(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'

/** @returns a new secret. */
export const newSecret = () => `whsec_${randomBytes(BYTES).toString('base64')}`
