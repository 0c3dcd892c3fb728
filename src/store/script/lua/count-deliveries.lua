-- count-deliveries.lua - counts that items are delivered from the box: only
-- of those that are there, so that nothing is left behind. [COMPLETE-3]
-- USES life down box
-- FULL done
-- KEYS box order expiry waiting done deliveries collapse shares once
-- ARGV feed downEntries downIdleMs node seenMark keepMs
-- then id ...
-- RETURNS 0 before ... (how often each was delivered until now)
-- Sent again after a reconnect it counts once more: the number is for display.
local before = { 0 }
for i = 7, #ARGV do
  local is_here = redis.call('HEXISTS', box, ARGV[i]) == 1
  if is_dry then before[#before + 1] = number_of(redis.call('HGET', deliveries, ARGV[i]), deliveries .. ' ' .. ARGV[i]) or 0
  else before[#before + 1] = is_here and write('HINCRBY', deliveries, ARGV[i], 1) - 1 or 0 end
end
settle_box(ARGV[6])
return before
