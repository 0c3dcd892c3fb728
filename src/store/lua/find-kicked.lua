-- find-kicked.lua - which of a user's terminals are kicked, by the tokens they hold. [KICK-1]
-- USES kick
-- KEYS kick
-- then terminal issuedAt ...
-- RETURNS 0 { place (among the pairs, from 0), reason }[]
local kick = KEYS[1]
local clock = redis.call('TIME')
local at = clock[1] * 1000 + math.floor(clock[2] / 1000)
local kicked = {}
for i = 1, #ARGV, 2 do
  local reason = refusal(kick, ARGV[i], ARGV[i + 1], at)
  if reason then kicked[#kicked + 1] = { (i - 1) / 2, reason } end
end
return { 0, kicked }
