// What the OpenAPI document says before its operations.

export const tags = [
  {
    name: 'Up',
    description: 'Commands of a terminal. Each is answered only after its effect is stored; a retry with the same client id is safe.'
  },
  { name: 'Down', description: 'Events to a terminal, from a stream that resumes at any cursor.' },
  { name: 'Conversations', description: 'What a conversation list shows.' },
  { name: 'Server', description: 'What the application\'s back end calls, with a server key.' },
  { name: 'Webhooks', description: 'What Iris posts to the application\'s back end, for each event that a webhook asks for.' },
  { name: 'System', description: 'Without a token.' }
] as const

export const introduction = `Iris is an online-chat gateway. A terminal (browser tab, app, \
back-office screen) posts typed commands **up** and receives events **down** from a stream of its user.

> A send you retry is stored once. A stream you resume misses nothing, or tells you so.

**Retry.** Every command that has an effect carries an id that the client made (\`clientMsgId\`, \
\`clientCmdId\`). After a timeout, a broken connection or a problem with \`retryable: true\`, \
send the same request again: the effect happens once, and the answer says \`duplicate\`.

**Resume.** Every stored event has an \`id\`: the cursor. Keep the last one you have seen and hand it in as \`Last-Event-ID\` (an \
EventSource does so by itself): everything after it follows, in order. \
If that cannot be done, \`IRIS.RESET\` says so, and names what to fetch.

**Errors** are RFC 9457 problems. \`code\` is the contract; \`errors[].pointer\` names the field. Unknown fields are refused.

**Trace.** Send \`Trace-Id\` (or W3C \`traceparent\`): it comes back in every answer and on every event that the request causes.`
