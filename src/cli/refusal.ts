// Why a command of the command line could not be done.

/** Its message is one sentence for who called the command, and says what to do. */
export class Refusal extends Error {}

/** What was asked for cannot be meant: a word or an option breaks a rule. */
export class Misuse extends Refusal {}
