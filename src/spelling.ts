// A name or a value that somebody has given: how a sentence shows it, and which one he may have meant.

/** @returns what was given, as a sentence shows it: 100 characters of it at most. */
export const quoted = (text: string): string => JSON.stringify(text.slice(0, 100))

/** @returns the known variable whose name is spelled most like this one; undefined when none is near. */
export function nearest (name: string, all: Iterable<string>): string | undefined {
  const [best] = [...all].map(known => ({ known, distance: distanceOf(name, known) })).sort((a, b) => a.distance - b.distance)
  return best && best.distance <= Math.max(2, (name.length - 'IRIS_'.length) / 3) ? best.known : undefined
}

/** Levenshtein's distance: how many letters must be put in, taken out or changed. */
function distanceOf (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}
