-- put-webhook.lua - keeps a webhook; one that is new, or was disabled, is told what happens from now on. [WEBHOOK-1]
-- FULL refused
-- KEYS webhooks events
-- ARGV id record group most apart(the id of one more, which does not count)
-- RETURNS 0 created(0|1); status -17: there would be too many
-- The group knows its place in the stream of events by number, too: what was trimmed before it was read can be counted.
local webhooks, events = unpack(KEYS)
local id, record, group, most, apart = unpack(ARGV)
local stored = redis.call('HGET', webhooks, id)
local counted = redis.call('HLEN', webhooks) - redis.call('HEXISTS', webhooks, apart)
if not stored and id ~= apart and counted >= tonumber(most) then return { -17 } end
local info, entries = redis.pcall('XINFO', 'STREAM', events), 0
for i = 1, #info - 1, 2 do if info[i] == 'entries-added' then entries = info[i + 1] end end
local made = redis.pcall('XGROUP', 'CREATE', events, group, '$', 'MKSTREAM', 'ENTRIESREAD', entries)
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then error(made) end
redis.call('HSET', webhooks, id, record)
return { 0, stored and 0 or 1 }
