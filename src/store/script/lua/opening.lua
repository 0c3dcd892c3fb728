-- opening.lua - prelude after member and direct: who may write, and how a direct conversation begins.
-- [DIRECT-1] [DIRECT-2] BLOCKED:<user>: whom he has blocked, and since when (ms).
local function blocked_key (user, tag) return user_key(tag, 'BLOCKED', user) end
local function has_blocked (user, tag, other) return redis.call('ZSCORE', blocked_key(user, tag), other) end

-- bar: of the row of a member (member.lua). Returns a reply when he may not write.
local function refuse_barred (bar)
  if bar == 'b' then return { -13 } end
  if (whole_of(bar) or 0) > now then return { -14, bar } end
end

-- Whether two users are in one group. Names a key of another type, as `mend` cannot: the keys do not come first.
local function share_group (one, other)
  local count = redis.pcall('SINTERCARD', 2, one, other, 'LIMIT', 1)
  if type(count) == 'number' then return count > 0 end
  for _, key in ipairs({ one, other }) do
    if redis.call('TYPE', key).ok ~= 'set' then skip(key) end
  end
end

-- Returns why a user may not open a conversation, as a reply; nil when he may: then it is counted, unless it is only asked.
local function refuse_opening (create, limits, is_asked)
  local from, tag, to, to_tag = string.match(create, '^(%S+)/(%d+) (%S+)/(%d+)$')
  local is_known = limits.direct ~= 'known' or share_group(user_key(tag, 'GROUPS', from), user_key(to_tag, 'GROUPS', to))
  if limits.direct == 'server' or not is_known then return { -15 } end
  look_for({ blocked_key(from, tag), blocked_key(to, to_tag) })
  if has_blocked(to, to_tag, from) then return { -13 } end
  local opened = user_key(tag, 'OPENED', from)
  local count = number_of(redis.call('GET', opened), opened)
  if (count or 0) >= limits.new_direct then return { -9, int(math.max(1, redis.call('PTTL', opened))) } end
  if is_asked then return end
  if not count then redis.call('DEL', opened) end
  if redis.call('INCR', opened) == 1 then redis.call('PEXPIRE', opened, 3600000) end
end

-- Each has a row, which says that the other has blocked him: a send is decided by it alone.
local function open_direct (conversation, members, id, create)
  local epoch = new_epoch(string.match(conversation, '{(%d+)}'))
  redis.call('HSET', conversation, 'kind', 'dm', 'epoch', epoch, 'createdAt', int(now))
  local one, one_tag, other, other_tag = string.match(create, '^(%S+)/(%d+) (%S+)/(%d+)$')
  for _, each in ipairs({ { one, one_tag, other, other_tag }, { other, other_tag, one, one_tag } }) do
    local user, tag, peer, peer_tag = unpack(each)
    redis.call('HSET', members, user, member_text('member', '1', tag, '', '', has_blocked(peer, peer_tag, user) and 'b' or ''))
    clear_leftovers(user, tag, field_of(conversation))
  end
  return epoch
end
