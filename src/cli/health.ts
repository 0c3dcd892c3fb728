// How a gateway answers who asks whether it lives, and whether it may be given work.

/** @returns the answer: `isOk`; `isIris`: something else answers there, when not. Throws what `fetch` throws when nobody answers. */
export async function askHealth (address: string, path: '/livez' | '/readyz', withinMs: number) {
  const response = await fetch(address + path, { signal: AbortSignal.timeout(withinMs), redirect: 'manual' })
  const body = await response.json().catch(() => undefined) as { status?: unknown, detail?: string } | null | undefined
  const isIris = body?.status !== undefined
  return { response, isIris, isOk: response.ok && body?.status === 'ok', why: body?.detail ?? String(response.status) }
}
