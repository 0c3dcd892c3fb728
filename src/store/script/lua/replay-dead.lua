-- replay-dead.lua - dead letters are to be delivered again, beside the stream of events. [WEBHOOK-6]
-- FULL refused
-- KEYS dead again
-- ARGV retryMs keepMs
-- then id ... (of dead letters)
-- RETURNS 0 replayed lost(how many stand for events that nobody has any more)
local dead, again = unpack(KEYS)
local retry_ms, keep_ms = unpack(ARGV)
local ends = int(time_ms() + retry_ms)
local replayed, lost = 0, 0
for i = 3, #ARGV do
  local found = redis.call('XRANGE', dead, ARGV[i], ARGV[i])[1]
  local facts = {}
  for j = 1, found and #found[2] or 0, 2 do facts[found[2][j]] = found[2][j + 1] end
  if facts.kind == 'failed' and facts.event and facts.position then
    redis.call('HSET', again, facts.position, ends .. ' ' .. facts.event)
    replayed = replayed + 1
  elseif found then lost = lost + 1 end
  if facts.kind == 'failed' then redis.call('XDEL', dead, ARGV[i]) end
end
if replayed > 0 then redis.call('PEXPIRE', again, keep_ms) end
return { 0, replayed, lost }
