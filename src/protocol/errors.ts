// The one table of error codes. A code is a contract; a title is not. Nothing else spells a status. docs/protocol.md section 3.

interface ErrorFact { status: number, title: string, retryable: boolean }

const refused = (status: number, title: string): ErrorFact => ({ status, title, retryable: false })

export const errors = {
  INVALID_JSON: refused(400, 'The body is not JSON'),
  INVALID_BODY: refused(400, 'The body breaks a rule of this operation'),
  INVALID_QUERY: refused(400, 'The address breaks a rule of this operation'),
  INVALID_HEADER: refused(400, 'A header breaks a rule of this operation'),
  INVALID_REQUEST: refused(400, 'The request is not valid HTTP'),
  UNAUTHENTICATED: refused(401, 'A bearer token is needed'),
  BAD_TOKEN: refused(401, 'The token is not valid here'),
  TOKEN_EXPIRED: refused(401, 'The token has expired'),
  BAD_TICKET: refused(401, 'The ticket is not valid here'),
  KICKED: refused(401, 'This terminal was kicked'),
  BAD_SERVER_KEY: refused(401, 'The server key is not valid'),
  FORBIDDEN: refused(403, 'This address may not be read'),
  REVOKE_FORBIDDEN: refused(403, 'Only the sender or an admin may revoke this message'),
  REVOKE_WINDOW_PASSED: refused(403, 'The time in which the sender may revoke has passed'),
  NOT_ALLOWED_TARGET: refused(403, 'No target shares a conversation with the sender'),
  DIRECT_NOT_ALLOWED: refused(403, 'The sender may not open a conversation with this user'),
  BLOCKED: refused(403, 'The other side has blocked the sender'),
  MUTED: refused(403, 'The sender is muted in this conversation'),
  DENIED: refused(403, 'The application does not let this be sent'),
  ORIGIN_NOT_ALLOWED: refused(403, 'Pages of this origin may not connect'),
  RESERVED_NAME: refused(403, 'The name is reserved for the gateway'),
  TOKEN_OF_ANOTHER_USER: refused(403, 'The token in the body belongs to another user'),
  NOT_FOUND: refused(404, 'There is nothing at this address'),
  CONVERSATION_NOT_FOUND: refused(404, 'There is no such conversation for the caller'),
  MESSAGE_NOT_FOUND: refused(404, 'There is no such message for the caller'),
  NOTICE_NOT_FOUND: refused(404, 'There is no such notice'),
  WEBHOOK_NOT_FOUND: refused(404, 'There is no such webhook'),
  METHOD_NOT_ALLOWED: refused(405, 'The address does not know this method'),
  CLIENT_MSG_ID_CONFLICT: refused(409, 'This clientMsgId was used for other content'),
  CLIENT_CMD_ID_CONFLICT: refused(409, 'This clientCmdId was used for another command'),
  NOTICE_ID_CONFLICT: refused(409, 'This clientNoticeId was used for another notice'),
  CONVERSATION_CLOSED: refused(409, 'The conversation is closed: its history is readable, nothing is sent'),
  TOO_MANY_TERMINALS: refused(409, 'All terminals that the user may have are connected'),
  TOO_MANY_MEMBERS: refused(409, 'The group would have too many members'),
  TOO_MANY_BLOCKED: refused(409, 'The user has blocked as many others as he may'),
  TOO_MANY_NOTICES: refused(409, 'There would be too many notices to everybody'),
  TOO_MANY_WEBHOOKS: refused(409, 'There would be too many webhooks'),
  WEBHOOK_CONFIGURED: refused(409, 'This webhook is what the environment says'),
  IDEMPOTENCY_KEY_IN_USE: { status: 409, title: 'The first request with this Idempotency-Key is still under way: retry', retryable: true },
  REQUEST_TIMEOUT: { status: 408, title: 'The request did not come in time', retryable: true },
  PRECONDITION_FAILED: refused(412, 'What the request expects of this address does not hold'),
  BODY_TOO_LARGE: refused(413, 'The body is too large'),
  URI_TOO_LONG: refused(414, 'A part of the address is too long'),
  UNSUPPORTED_MEDIA_TYPE: refused(415, 'Only plain application/json in UTF-8 is read here'),
  RANGE_NOT_SATISFIABLE: refused(416, 'There is nothing in this range'),
  IDEMPOTENCY_KEY_REUSED: refused(422, 'This Idempotency-Key was used for another request'),
  UPGRADE_REQUIRED: refused(426, 'This address is a WebSocket'),
  HEADERS_TOO_LARGE: refused(431, 'The headers are too large'),
  RATE_LIMITED: { status: 429, title: 'Too many requests: wait and retry', retryable: true },
  INTERNAL: { status: 500, title: 'The gateway failed', retryable: true },
  TOKENS_NOT_MINTED: refused(501, 'Tokens are signed elsewhere: Iris only holds a public key'),
  NOTICE_UP_RESERVED: refused(501, 'NOTICE_UP is reserved and not used yet'),
  KEYS_UNAVAILABLE: { status: 503, title: 'The keys of tokens cannot be had now: nothing is said of the token, retry', retryable: true },
  HOOK_UNAVAILABLE: {
    status: 503, title: 'The application could not be asked whether this may be sent: nothing was done, retry', retryable: true
  },
  NOT_READY: { status: 503, title: 'The node is not ready to work', retryable: true },
  OVERLOADED: { status: 503, title: 'The node has more to do than it can: nothing was done, retry', retryable: true },
  STORE_FULL: {
    status: 503,
    title: 'The store is full and takes nothing new: a retry later, with the same client id, is safe',
    retryable: true
  },
  STORE_UNAVAILABLE: {
    status: 503,
    title: 'The store cannot be used now, or did not answer: a retry with the same client id is safe',
    retryable: true
  }
} as const satisfies Record<string, ErrorFact>

export type ErrorCode = keyof typeof errors
