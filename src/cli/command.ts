// What a command of the command line is.

export type Options = Record<string, string | undefined>

/** Takes what must be done before the process ends early. */
export type BeforeEnd = (work: () => Promise<unknown>) => void

/** Does it. @returns the exit code; undefined: the process goes on. Throws a Refusal when it cannot be done. */
export type Run = (words: string[], options: Options, beforeEnd: BeforeEnd) => Promise<number | undefined>

export interface Command {
  /** The words that follow its name, all of them needed. */
  words: readonly string[]
  /** Each takes a value: what it is called in the help, and what it does. */
  options: Record<string, { value: string, does: string }>
  does: string
  load (): Promise<Run>
}
