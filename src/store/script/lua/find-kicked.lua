-- find-kicked.lua - which of a user's terminals are kicked, by the tokens they hold. [KICK-1]
-- USES kick
-- FULL done
-- KEYS kick
-- then terminal issuedAt expiresAt ...
-- RETURNS 0 { place (among the triples, from 0), reason }[]
local kick = KEYS[1]
local at = time_ms()
local kicked = {}
for i = 1, #ARGV, 3 do
  local reason = refusal(kick, { terminal = ARGV[i], issued = ARGV[i + 1], expires = ARGV[i + 2] }, at)
  if reason then kicked[#kicked + 1] = { (i - 1) / 3, reason } end
end
return { 0, kicked }
