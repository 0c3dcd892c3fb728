// One request up: bearer, terminal and trace id, JSON both ways, a refusal as an exception.

/** The server's refusal, an RFC 9457 problem. `retryable` says whether the same request may succeed later. */
export class Refusal extends Error {
  constructor (problem, retryAfter) {
    super(problem.detail ?? problem.title)
    this.status = problem.status
    this.code = problem.code
    this.traceId = problem.traceId
    this.retryable = problem.retryable === true
    this.retryAfterMs = 1000 * (Number(retryAfter) || 0)
  }
}

/**
 * Makes `call(method, path, body, signal?)` for a terminal; `call.token()` and `call.forgetToken()` for the token it uses.
 * A token that has run out is replaced once.
 * Any exception but a Refusal means that the outcome is unknown.
 * `network` lets the page play a bad one: `cut` stops everything, `loseAnswers` drops answers of sends that arrived.
 */
export function createCall ({ userId, terminalId, login, network, frames }) {
  let token

  async function once (method, path, body, signal) {
    if (network.cut) throw new Error('The connection is cut')
    token ??= await login()
    const traceId = `${userId.slice(0, 40)}-${crypto.randomUUID().slice(0, 8)}`
    const [address, query] = path.split('?')
    frames.add({
      direction: 'up',
      title: `${method} ${address}`,
      traceId,
      body: query ? Object.fromEntries(new URLSearchParams(query)) : body
    })
    const response = await fetch(path, {
      method,
      ...(signal && { signal }),
      headers: {
        Authorization: `Bearer ${token}`,
        'Terminal-Id': terminalId,
        'Trace-Id': traceId,
        ...(body && { 'Content-Type': 'application/json' })
      },
      ...(body && { body: JSON.stringify(body) })
    })
    const answer = await response.json()
    if (isLost(path)) {
      frames.add({ direction: 'down', title: `${response.status} ${address}`, traceId, note: 'answer lost on purpose', failed: true })
      throw new Error('The answer was lost')
    }
    frames.add({
      direction: 'down', title: `${response.status} ${address}`, traceId: answer.traceId ?? traceId, failed: !response.ok, body: answer
    })
    if (!response.ok) throw new Refusal(answer, response.headers.get('Retry-After'))
    return answer
  }

  function isLost (path) {
    if (network.cut) return true
    if (path !== '/v1/up/msg' || network.loseAnswers === 0) return false
    network.loseAnswers--
    return true
  }

  async function call (method, path, body, signal) {
    try {
      return await once(method, path, body, signal)
    } catch (error) {
      if (error.status !== 401 || error.code === 'KICKED') throw error
      token = undefined
      return await once(method, path, body, signal)
    }
  }
  call.forgetToken = () => { token = undefined }
  call.token = async () => (token ??= await login())
  return call
}
