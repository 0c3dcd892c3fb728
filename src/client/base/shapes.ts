// Shapes that cross versions: between tabs, in storage, in a token.
import type { IrisError } from './error.js'
import type { OutboxItem, State, TransportName } from './types.js'
import type { Command, Frame, Notice } from './wire.js'

/** A message as it is kept: the tab that wrote it, its place among others, and when it may have come to the server, by its clock, ms. */
export interface KeptItem extends OutboxItem { tab: string, order?: number, triedAt?: number | undefined }

/** The way down that worked last, after how many ms a better one is tried, and when; no time: the application has chosen it. */
export interface KeptWay { name: TransportName, ms?: number, until?: number }

/** A frame of a way down, or what is said in the form of one: by the client of itself, by tabs to each other. */
export interface Told extends Frame { isDown?: true }

export interface Known { cursor?: string | undefined, pending?: (Command | Notice)[] | undefined }
/** A state as it goes from tab to tab: of an error its class would be lost. */
export interface SaidState extends Omit<State, 'error'> {
  error?: Pick<IrisError, 'code' | 'message' | 'status' | 'retryable' | 'retryAfter' | 'problem'> | undefined
}

/** The tab that leads says what it knows. */
export interface Lead extends Known { terminalId: string, state: SaidState, watched: string[] }
/** A tab that follows says how it is there. */
export interface Ask { visible: boolean, watched: string[], isNew: boolean }

/** What a JWT says, as far as it is used here. */
export interface Claims { sub?: string, exp?: number }
