-- reseal-webhook.lua - keeps a webhook's secrets under another key, if it is still as it was read. [WEBHOOK-3]
-- FULL done
-- KEYS webhooks
-- ARGV id before(the record that was read) record
-- RETURNS 0
local webhooks = unpack(KEYS)
local id, before, record = unpack(ARGV)
if redis.call('HGET', webhooks, id) == before then redis.call('HSET', webhooks, id, record) end
return { 0 }
