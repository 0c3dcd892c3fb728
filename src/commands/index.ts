// The registry: every up-command, and the user's other operations, in the order of the protocol.
import { cmdComplete, noticeComplete } from './complete.js'
import { createTicket } from './create-ticket.js'
import { getReadMsg } from './get-read-msg.js'
import { getSystemTime } from './get-system-time.js'
import { getTime } from './get-time.js'
import { heartbeat } from './heartbeat.js'
import { irisCmdSend } from './iris-cmd-send.js'
import { listConversations } from './list-conversations.js'
import { msgUp } from './msg-up.js'
import { noticeUp } from './notice-up.js'
import { read } from './read.js'
import { restReadNumAndLastMsg } from './rest-read-num-and-last-msg.js'
import { revoke } from './revoke.js'
import { token } from './token.js'
import { viewConversation } from './view-conversation.js'
import { watchPresence } from './watch-presence.js'

/** The up-commands. A new one is one file and one line here. */
export const commands = [
  msgUp, read, revoke, getReadMsg, restReadNumAndLastMsg, getSystemTime, irisCmdSend, cmdComplete, noticeComplete, noticeUp, heartbeat
] as const

/** What else a user's terminal calls. */
export const userOperations = [token, createTicket, listConversations, viewConversation, watchPresence, getTime] as const
