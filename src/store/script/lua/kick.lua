-- kick.lua - prelude: who is kicked, in one hash of the user, SYSTEM_INSTRUCT_USER_KICK. [KICK-1]
-- `t:<terminal>` tombstones, `ban:<terminal>` bans (`*`: all terminals; `/`: he is being deleted), `notBefore` of tokens, each
-- `<before> <ends> <reason>`: until `ends` it refuses what was issued up to `before` (ms). A ban refuses all, a later login too.
local MAX_TOMBSTONES = 200

local function kick_of (tag, user) return 'iris:{' .. tag .. '}:SYSTEM_INSTRUCT_USER_KICK:' .. user end

local function names_for (terminal) return { 't:' .. terminal, 't:*', 'ban:' .. terminal, 'ban:*', 'ban:/', 'notBefore' } end

local function stone_of (stored, place) return parts_of(stored, '^(%d+) (%d+) (.*)$', 2, place) end

-- The hash lives as long as the last of them.
local function engrave (kick, field, before, ends, reason)
  redis.call('HSET', kick, field, int(before) .. ' ' .. int(ends) .. ' ' .. reason)
  if redis.call('PEXPIRETIME', kick) < ends then redis.call('PEXPIREAT', kick, int(ends)) end
end

-- Why a token is refused; nil when it is not. token: terminal, issued, expires (ms).
-- A tombstone lasts as long as the tokens that it refuses: one that ends later makes it last longer. [KICK-3]
local function refusal (kick, token, at)
  local names = void[kick] and {} or names_for(token.terminal)
  for i, stone in ipairs(redis.call('HMGET', kick, unpack(names))) do
    local before, ends, reason = stone_of(stone, kick .. ' ' .. names[i])
    if before and tonumber(token.issued) <= tonumber(before) and at < tonumber(ends) then
      local is_ban = string.match(names[i], '^ban:')
      local expires = tonumber(token.expires)
      if not is_ban and not is_dry and expires > tonumber(ends) then engrave(kick, names[i], before, expires, reason) end
      return reason
    end
  end
end

-- When (ms) a token must have been issued so that none of these refuses it; bans refuse until they end.
local function welcome_from (kick, names, at)
  local from = 0
  for i, stone in ipairs(#names > 0 and redis.call('HMGET', kick, unpack(names)) or {}) do
    local before, ends = stone_of(stone, kick .. ' ' .. names[i])
    if before and at < tonumber(ends) then from = math.max(from, string.match(names[i], '^ban:') and ends or before + 1) end
  end
  return from
end

-- What has ended goes; at the limit also the terminal's tombstone that ends soonest.
local function make_room (kick, at)
  if redis.call('HLEN', kick) < MAX_TOMBSTONES then return end
  local all, soonest, field = redis.call('HGETALL', kick), nil, nil
  for i = 1, #all, 2 do
    local ends = tonumber((select(2, stone_of(all[i + 1], kick .. ' ' .. all[i]))) or 0)
    if ends <= at then redis.call('HDEL', kick, all[i])
    elseif string.match(all[i], '^t:[^*]') and (not soonest or ends < soonest) then soonest, field = ends, all[i] end
  end
  if field and redis.call('HLEN', kick) >= MAX_TOMBSTONES then redis.call('HDEL', kick, field) end
end

-- Sets a tombstone; what an earlier one refuses beyond it stays refused.
local function bury (kick, field, before, ends, reason, at)
  make_room(kick, at)
  local known_before, known_ends = stone_of(redis.call('HGET', kick, field), kick .. ' ' .. field)
  engrave(kick, field, math.max(before, known_before or 0), math.max(ends, known_ends or 0), reason)
end
