-- kick.lua - prelude: who is kicked, in one hash of the user, SYSTEM_INSTRUCT_USER_KICK. [KICK-1]
-- `t:<terminal>` tombstones, `ban:<terminal>` bans (`*`: all terminals), `notBefore` of tokens, each `<before> <ends> <reason>`:
-- until `ends` it refuses what was issued up to `before` (ms). A ban refuses all, a later login too.
local MAX_TOMBSTONES = 200

local function ms (number) return string.format('%.0f', number) end

-- Why a token that was issued at a time (ms) is refused on a terminal; nil when it is not.
local function refusal (kick, terminal, issued, at)
  local stones = redis.call('HMGET', kick, 't:' .. terminal, 't:*', 'ban:' .. terminal, 'ban:*', 'notBefore')
  for i = 1, 5 do
    local before, ends, reason = string.match(stones[i] or '', '^(%d+) (%d+) (.*)$')
    if before and tonumber(issued) <= tonumber(before) and at < tonumber(ends) then return reason end
  end
end

-- What has ended goes; at the limit also the terminal's tombstone that ends soonest.
local function make_room (kick, at)
  if redis.call('HLEN', kick) < MAX_TOMBSTONES then return end
  local soonest, field
  local all = redis.call('HGETALL', kick)
  for i = 1, #all, 2 do
    local ends = tonumber(string.match(all[i + 1], '^%d+ (%d+)'))
    if ends <= at then redis.call('HDEL', kick, all[i])
    elseif string.match(all[i], '^t:[^*]') and (not soonest or ends < soonest) then soonest, field = ends, all[i] end
  end
  if field and redis.call('HLEN', kick) >= MAX_TOMBSTONES then redis.call('HDEL', kick, field) end
end

-- Sets a tombstone; what an earlier one refuses beyond it stays refused.
local function bury (kick, field, before, ends, reason, at)
  make_room(kick, at)
  local known_before, known_ends = string.match(redis.call('HGET', kick, field) or '0 0', '^(%d+) (%d+)')
  before, ends = math.max(before, known_before), math.max(ends, known_ends)
  redis.call('HSET', kick, field, ms(before) .. ' ' .. ms(ends) .. ' ' .. reason)
  if redis.call('PEXPIRETIME', kick) < ends then redis.call('PEXPIREAT', kick, ms(ends)) end
end
