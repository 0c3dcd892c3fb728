-- find-kicked.lua - which of a user's terminals are kicked, by the tokens they hold. [KICK-1]
-- USES kick
-- KEYS kick
-- then terminal issuedAt ...
-- RETURNS 0 place[] (of the kicked among the pairs, from 0)
local kick = KEYS[1]
local clock = redis.call('TIME')
local at = clock[1] * 1000 + math.floor(clock[2] / 1000)
local places = {}
for i = 1, #ARGV, 2 do
  if refusal(kick, ARGV[i], ARGV[i + 1], at) then places[#places + 1] = (i - 1) / 2 end
end
return { 0, places }
