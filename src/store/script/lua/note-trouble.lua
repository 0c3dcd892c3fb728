-- note-trouble.lua - says what is wrong with a webhook, while it is there. [WEBHOOK-1] [WEBHOOK-5]
-- USES webhook
-- FULL done
-- KEYS webhooks trouble
-- ARGV id since(when the webhook was made) facts keepSec
-- RETURNS 0 noted(0|1)
local webhooks, trouble = unpack(KEYS)
local id, since, facts, keep_sec = unpack(ARGV)
if not webhook_of(webhooks, id, since) then return { 0, 0 } end
redis.call('SET', trouble, facts, 'EX', keep_sec)
return { 0, 1 }
