-- claim-reaping.lua - which node looks for ended leases now, and since when somebody has looked without a break. [LIFE-2] [LIFE-3]
-- FULL done
-- KEYS reaper
-- ARGV claimMs gapMs keepMs
-- RETURNS 0 claimed(0|1) since
-- reaper: `<when somebody looked last> <since when>`, ms. After a break nobody could give a sign of life, on whatever node: Redis was
-- away, or all of Iris. Also when the clock was set.
local reaper = KEYS[1]
local claim_ms, gap_ms, keep_ms = unpack(ARGV)
local at = time_ms()
local last, since = string.match(redis.call('GET', reaper) or '', '^(%d+) (%d+)$')
local passed = at - (last or 0)
if passed >= 0 and passed < tonumber(claim_ms) then return { 0, 0, since } end
if passed < 0 or passed > tonumber(gap_ms) then since = int(at) end
redis.call('SET', reaper, int(at) .. ' ' .. since, 'PX', keep_ms)
return { 0, 1, since }
