// How a gateway answers who asks whether it lives, and whether it may be given work.

interface Answer { status?: unknown, detail?: string, serverTime?: unknown, code?: unknown, traceId?: unknown }

async function ask (address: string, path: string, withinMs: number) {
  const response = await fetch(address + path, { signal: AbortSignal.timeout(withinMs), redirect: 'manual' })
  const body = await response.json().catch(() => undefined) as Answer | null | undefined
  return { response, body: body ?? {}, why: body?.detail ?? String(response.status) }
}

/** @returns the answer: `isOk`; `isIris`: something else answers there, when not. Throws what `fetch` throws when nobody answers. */
export async function askHealth (address: string, path: '/livez' | '/readyz', withinMs: number) {
  const { response, body: { status }, why } = await ask(address, path, withinMs)
  return { response, isIris: status !== undefined, isOk: response.ok && status === 'ok', why }
}

/**
 * Asks what needs no token, where a host hands on nothing but what is below /v1/.
 * @returns the answer, as `askHealth` does: the time, or a problem.
 */
export async function askTime (address: string, withinMs: number) {
  const { response, body: { serverTime, code, traceId }, why } = await ask(address, '/v1/time', withinMs)
  const isOk = response.ok && serverTime !== undefined
  return { response, isIris: isOk || (code !== undefined && traceId !== undefined), isOk, why }
}
