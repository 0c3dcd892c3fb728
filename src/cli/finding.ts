// What the doctor finds: one line for each check.

export interface Finding {
  verdict: 'ok' | 'warn' | 'fail'
  /** What was looked at, in a word or two. */
  of: string
  /** What is there; no full stop at its end. */
  found: string
  /** What to do about it; it stands wherever there is something to do. */
  remedy?: string
}

/** One after the other, each as soon as it is known. */
export type Findings = AsyncGenerator<Finding, void, void>

export const ok = (of: string, found: string): Finding => ({ verdict: 'ok', of, found })
export const warn = (of: string, found: string, remedy: string): Finding => ({ verdict: 'warn', of, found, remedy })
export const failed = (of: string, found: string, remedy: string): Finding => ({ verdict: 'fail', of, found, remedy })

/** @returns its line. */
export const lineOf = ({ verdict, of, found, remedy }: Finding): string =>
  `${verdict.padEnd(5)}${of}: ${found}${remedy === undefined ? '' : `. ${remedy}`}\n`
