-- bury-event.lua - an event that a webhook has not taken is a dead letter, and is not tried any more. [WEBHOOK-6]
-- FULL refused
-- KEYS events dead again
-- ARGV group position event reason attempts mostDead keepMs
-- RETURNS 0
local events, dead, again = unpack(KEYS)
local group, position, event, reason, attempts, most_dead, keep_ms = unpack(ARGV)
local now = int(time_ms())
redis.call('XADD', dead, 'MAXLEN', most_dead, '*',
  'kind', 'failed', 'at', now, 'event', event, 'position', position, 'reason', reason, 'attempts', attempts)
redis.call('PEXPIRE', dead, keep_ms)
redis.call('HDEL', again, position)
redis.pcall('XACK', events, group, position) -- there may be no stream any more
return { 0 }
