-- block-user.lua - a user blocks another, or takes that back. From its answer on nothing that the other sends reaches him. [DIRECT-2]
-- USES member sight
-- FULL done
-- KEYS blocked members
-- ARGV user other block(1|0) maxBlocked
-- RETURNS 0 since(ms; 0: it was not blocked) changed(0|1)
-- members: of their direct conversation, in another partition than the user's: standalone Redis only. A time is given once and rises,
-- so that a page begins behind one.
local blocked, members = unpack(KEYS)
local user, other, block, max_blocked = unpack(ARGV)
local since = number_of(redis.call('ZSCORE', blocked, other), blocked .. ' ' .. other)
local has_changed = (block == '1') ~= (since ~= nil)
if block == '1' and has_changed then
  if redis.call('ZCARD', blocked) >= tonumber(max_blocked) then return { -16 } end
  since = math.max(time_ms(), (top_score(blocked) or 0) + 1)
  redis.call('ZADD', blocked, int(since), other)
elseif block == '0' then redis.call('ZREM', blocked, other) end

local row = redis.call('HGET', members, other)
local role, first, tag, writer, known, bar = member_of(row)
local wanted = block == '1' and 'b' or ''
if role and bar ~= wanted then redis.call('HSET', members, other, member_text(role, first, tag, writer, known, wanted)) end
if row and not role then skip(members .. ' ' .. other) end
if has_changed then show_sight(blocked, user, block == '1' and 'lost' or 'found', { other }) end
return { 0, since or 0, has_changed and 1 or 0 }
