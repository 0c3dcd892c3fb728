-- lift-kicks.lua - takes all tombstones, bans and `notBefore` of a user away. [KICK-3]
-- USES kick
-- FULL done
-- KEYS kick
-- RETURNS 0 { name, ends, reason }[] (those that were in force)
local kick = KEYS[1]
local at = time_ms()
local lifted = {}
local all = redis.call('HGETALL', kick)
for i = 1, #all, 2 do
  local _, ends, reason = stone_of(all[i + 1], kick .. ' ' .. all[i])
  if ends and at < tonumber(ends) then lifted[#lifted + 1] = { all[i], int(tonumber(ends)), reason } end
end
redis.call('DEL', kick)
return { 0, lifted }
