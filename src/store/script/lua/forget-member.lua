-- forget-member.lua - a user who is deleted is in a conversation no more, and sees nothing of its past. What he wrote stays. [USER-3]
-- USES life down event member direct membership changes (a member's keys: standalone Redis only)
-- FULL done
-- KEYS conversation members left kick
-- ARGV feed downEntries downIdleMs node seenMark id user tag logMs traceId
-- RETURNS 0 was(group|direct|left|none|over: his deletion is)
local conversation, members, left, kick = unpack(KEYS)
local id, user, tag, log_ms, trace_id = unpack(ARGV, 6)
if redis.call('HEXISTS', kick, 'ban:/') == 0 then return { 0, 'over' } end -- who is there now is another
local kind, head = unpack(redis.call('HMGET', conversation, 'kind', 'headSeq'))
head = number_of(head or '0', conversation .. ' headSeq', 2 ^ 53 - 1)
local row, has_left = redis.call('HGET', members, user), redis.call('HDEL', left, user) == 1
local is_group, was = string.sub(id, 1, 2) == 'g.', has_left and 'left' or 'none'
if row and kind then was = is_group and 'group' or 'direct' end
if was == 'group' and is_told('conversation.changed') then
  announce_changed(id, 'group', 'members', '', { added = {}, removed = { user }, roles = {}, muted = {} }, trace_id)
end
-- the other side may write to him as to anybody: then he is a new one, who sees what comes from now on
local role, bar = member_of(row), select(6, member_of(row))
local stays = was == 'direct' and head and role
if stays then redis.call('HSET', members, user, member_text(role, int(head + 1), tag, '', '', bar))
else redis.call('HDEL', members, user) end
leave_group(user, tag, field_of(conversation), log_ms)
redis.call('SREM', user_key(tag, 'GROUPS', user) .. ':LEFT', id)
return { 0, was }
