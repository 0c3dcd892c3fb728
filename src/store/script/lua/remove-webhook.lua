-- remove-webhook.lua - forgets a webhook; or, told what its record is to be, disables it: it is told nothing more. [WEBHOOK-1] [WEBHOOK-5]
-- FULL done
-- KEYS webhooks events owner dead again trouble
-- ARGV id group record(empty: it is forgotten) before(of one to be disabled: the record that was read)
-- RETURNS 0 was(0|1; of one to be disabled: that record was still there)
local webhooks, events = KEYS[1], KEYS[2]
local id, group, record, before = unpack(ARGV)
if record ~= '' and redis.call('HGET', webhooks, id) ~= before then return { 0, 0 } end
local was = redis.call('HEXISTS', webhooks, id)
if record ~= '' then redis.call('HSET', webhooks, id, record) end
if record == '' then
  redis.call('HDEL', webhooks, id)
  redis.call('DEL', unpack(KEYS, 4))
end
redis.call('DEL', KEYS[3])
redis.pcall('XGROUP', 'DESTROY', events, group) -- there may be no stream any more, and then no group
return { 0, was }
