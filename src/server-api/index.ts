// The registry of what an application's back end calls. Section 8.
import { sendMessages } from './batch.js'
import { blockUser, listBlocked, unblockUser } from './blocked.js'
import { sendCommandAs } from './commands.js'
import { changeMembers, closeConversation, getConversation, putConversation } from './conversations.js'
import { listDeadLetters, replayDeadLetters } from './dead-letters.js'
import { showDelivery } from './delivery.js'
import { listEvents } from './events.js'
import { listMessages } from './history.js'
import { kickUser, liftKicks } from './kick.js'
import { listAllConversations, listUserConversations } from './listings.js'
import { revokeMessage, sendAs } from './messages.js'
import { cancelNotice, sendNotice } from './notices.js'
import { listTerminals, presence, removeTerminal } from './presence.js'
import { createToken } from './tokens.js'
import { deleteUser } from './users.js'
import { deleteWebhook, getWebhook, listWebhooks, putWebhook, testWebhook } from './webhooks.js'

export const serverOperations = [
  createToken, putConversation, getConversation, closeConversation, changeMembers, listAllConversations,
  listUserConversations, listMessages, sendAs, sendMessages, revokeMessage, sendCommandAs, sendNotice,
  cancelNotice, kickUser, liftKicks, deleteUser, listTerminals, removeTerminal, showDelivery, blockUser, unblockUser, listBlocked,
  presence, listEvents,
  putWebhook, getWebhook, listWebhooks, testWebhook, listDeadLetters, replayDeadLetters, deleteWebhook
] as const
