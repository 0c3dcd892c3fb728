-- first-unread.lua - the first message of a conversation that a member has not read. [GET-4]
-- USES member index unread
-- FULL reads
-- KEYS conversation members marker taken
-- ARGV id user
-- RETURNS 0 seq(0: everything is read)
local conversation, members, marker, taken = unpack(KEYS)
local id, user = unpack(ARGV)
local read = parts_of(redis.call('HGET', marker, id), '^(%d+) %d+ %d$', 1, marker .. ' ' .. id)
local view = view_of(conversation, redis.call('HGET', members, user), tonumber(read) or 0, taken, facts_of(conversation))
local oldest = view and oldest_of(view, 1, view.head)[1]
return { 0, oldest and tonumber(string.match(oldest, '^%d+')) or 0 }
