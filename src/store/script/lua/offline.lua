-- offline.lua - prelude after down: whom a message finds without a terminal in the foreground, and how much he has not read. [EVENT-2]
-- FOREGROUND of a partition: its users who have one, see foreground.lua.
-- In one script so many counts are added up; of who comes behind that it is not said how much is unread. [COST-1]
local MOST_ADDED_UP = 10000
local added_up = 0

local function total_of (unread)
  local total, counts = 0, redis.call('HVALS', unread)
  for i = 1, #counts do total = total + (whole_of(counts[i]) or 0) end
  added_up = added_up + #counts
  return total
end

-- list: the members of JSON of all who are.
local function note_offline (list, user, tag)
  if redis.call('SISMEMBER', 'iris:{' .. tag .. '}:FOREGROUND', user) == 1 then return end
  local unread = added_up < MOST_ADDED_UP and ',"unread":' .. int(total_of(user_key(tag, 'CHAT_MSG_BOX', user))) or ''
  list[#list + 1] = '{"userId":"' .. user .. '"' .. unread .. '}'
end
