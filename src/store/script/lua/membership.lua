-- membership.lua - prelude after member and direct: what joining and leaving a group do to a user.
-- GROUPS: the groups that a user is in; :SPOKEN: those of them in which he has written; :LEFT: those that he was in.
local function join_group (user, tag, id)
  local groups = user_key(tag, 'GROUPS', user)
  redis.call('SADD', groups, id)
  redis.call('SREM', groups .. ':LEFT', id)
  redis.call('ZADD', user_key(tag, 'CONVERSATIONS', user), int(now), id)
  for _, name in ipairs(own_keys) do redis.call('PERSIST', user_key(tag, name, user)) end
end

local function leave_group (user, tag, field, log_ms)
  local groups, id = user_key(tag, 'GROUPS', user), string.match(field, '/(.*)$')
  redis.call('SREM', groups, id)
  redis.call('SREM', groups .. ':SPOKEN', id)
  redis.call('SADD', groups .. ':LEFT', id)
  redis.call('ZREM', user_key(tag, 'CONVERSATIONS', user), id)
  clear_leftovers(user, tag, field)
  end_keys(user, tag, ends_at(now, log_ms), own_keys)
end

-- What bars a member, when he is muted until then (ms; 0: no more; empty: as it was).
local function bar_with (row, muted)
  return muted == '' and row.bar or muted ~= '0' and muted or ''
end

-- each: user, role, tag, muted, see wanted_in; row: see rows_of, nil for who is no member. group: members, left, id, field, head, log_ms.
local function change_member (group, each, row)
  local user, role, is_in = each.user, each.role, row and row.role
  if row and not is_in then skip(group.members .. ' ' .. user) end
  if role ~= '-' then
    if not is_in then row = { role = 'member', first = int(group.head + 1), tag = each.tag, writer = '', known = '', bar = '' } end
    local kept, bar = role == '=' and row.role or role, bar_with(row, each.muted)
    redis.call('HSET', group.members, user, member_text(kept, row.first, row.tag, row.writer, row.known, bar))
    if is_in then return end
    redis.call('HDEL', group.left, user)
    return join_group(user, each.tag, group.id)
  end
  redis.call('HDEL', group.members, user)
  if not is_in then return end
  redis.call('HSET', group.left, user, row.first .. ' ' .. int(group.head) .. ' ' .. int(now))
  leave_group(user, each.tag, group.field, group.log_ms)
end

-- What happens to whom: a list of user role tag muted. role: `-` removes, `=` keeps that of a member; behind `~` it is for a member only.
-- muted: until when he may not write, ms (0: he may); empty: as it was. rows: see rows_of.
local function wanted_in (first, rows)
  local wanted = {}
  for i = first, #ARGV, 4 do
    local user, bound, tag, muted = unpack(ARGV, i, i + 3)
    local bond, role = string.match(bound, '^(~?)(.*)$')
    if bond == '' or rows[user] then wanted[#wanted + 1] = { user = user, role = role, tag = tag, muted = muted } end
  end
  return wanted
end
