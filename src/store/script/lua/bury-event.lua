-- bury-event.lua - an event that a webhook has not taken is a dead letter, and is not tried any more. [WEBHOOK-6]
-- USES webhook
-- FULL refused
-- KEYS webhooks events dead again
-- ARGV id since(when the webhook was made) group position event reason attempts early(1: only if no other dead letter must go for it)
--   mostDead keepMs
-- RETURNS 0 buried(0|1)
-- Of a webhook that was removed meanwhile nothing comes back: nobody would see it, or the next one of that id.
local webhooks, events, dead, again = unpack(KEYS)
local id, since, group, position, event, reason, attempts, early, most_dead, keep_ms = unpack(ARGV)
if not webhook_of(webhooks, id, since) then return { 0, 0 } end
if early == '1' and redis.call('XLEN', dead) >= tonumber(most_dead) then return { 0, 0 } end
local now = int(time_ms())
redis.call('XADD', dead, 'MAXLEN', most_dead, '*',
  'kind', 'failed', 'at', now, 'event', event, 'position', position, 'reason', reason, 'attempts', attempts)
redis.call('PEXPIRE', dead, keep_ms)
redis.call('HDEL', again, position)
redis.pcall('XACK', events, group, position) -- there may be no stream any more
return { 0, 1 }
