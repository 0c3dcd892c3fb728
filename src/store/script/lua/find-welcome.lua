-- find-welcome.lua - when a token of a user must have been issued so that no tombstone refuses it; bans are left out. [KICK-3]
-- USES kick
-- FULL reads
-- KEYS kick
-- RETURNS 0 issuedAt (now, or a little later)
local kick = KEYS[1]
local at = time_ms()
local names = {}
for _, name in ipairs(redis.call('HKEYS', kick)) do
  if not string.match(name, '^ban:') then names[#names + 1] = name end
end
return { 0, int(math.max(at, welcome_from(kick, names, at))) }
