-- membership.lua - prelude after down and direct: what joining and leaving a group do to a user, and what is kept of those who left.
-- GROUPS: the groups that a user is in; GROUPS:SPOKEN: those of them in which he has written.
local function join_group (user, tag, id)
  redis.call('SADD', user_key(tag, 'GROUPS', user), id)
  redis.call('ZADD', user_key(tag, 'CONVERSATIONS', user), int(now), id)
  for _, name in ipairs(own_keys) do redis.call('PERSIST', user_key(tag, name, user)) end
end

local function leave_group (user, tag, field, log_ms)
  local groups, id = user_key(tag, 'GROUPS', user), string.match(field, '/(.*)$')
  redis.call('SREM', groups, id)
  redis.call('SREM', groups .. ':SPOKEN', id)
  redis.call('ZREM', user_key(tag, 'CONVERSATIONS', user), id)
  clear_leftovers(user, tag, field)
  end_keys(user, tag, ends_at(now, log_ms), own_keys)
end

-- Beyond the limit those who left first lose their view; a tenth at once, so that the sorting is not done for each.
local function trim_left (left, limit)
  if redis.call('HLEN', left) <= limit then return end
  local order, all = {}, redis.call('HGETALL', left)
  for i = 1, #all, 2 do order[#order + 1] = { all[i], tonumber(string.match(all[i + 1], '%d+$') or 0) } end
  table.sort(order, function (a, b) return a[2] < b[2] or (a[2] == b[2] and a[1] < b[1]) end)
  for i = 1, #order - math.ceil(limit * 0.9) do redis.call('HDEL', left, order[i][1]) end
end

-- What happens to whom: user -> role tag muted. role: `-` removes, `=` keeps that of a member; behind `~` it is for a member only.
-- muted: until when he may not write, ms (0: he may); empty: as it was.
local function wanted_in (first, members)
  local wanted = {}
  for i = first, #ARGV, 4 do
    local bound, role = string.match(ARGV[i + 1], '^(~?)(.*)$')
    local is_meant = bound == '' or redis.call('HEXISTS', members, ARGV[i]) == 1
    if is_meant then wanted[ARGV[i]] = { role, ARGV[i + 2], ARGV[i + 3] } end
  end
  return wanted
end
