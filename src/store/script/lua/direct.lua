-- direct.lua - prelude after down: direct conversations, and when they and their users' own keys end. docs/protocol.md section 2
-- One that was quiet for log_ms ends with all its keys. Ends are moved once a day, so that a message costs nothing for them.
local own_keys = { 'CHAT_MSG_BOX', 'RESET_READ_NUM_AND_LAST_MSG', 'CONVERSATIONS' }

local function ends_at (ts, log_ms)
  local day = math.min(86400000, log_ms)
  return int((math.floor(ts / day) + 1) * day + log_ms)
end

-- A user's own keys end with his last direct conversation; not while he is in a group, which the application keeps.
local function end_keys (user, tag, ends, names)
  if redis.call('EXISTS', user_key(tag, 'GROUPS', user)) == 1 then return end
  for _, name in ipairs(names) do redis.call('PEXPIREAT', user_key(tag, name, user), ends) end
end

-- Its field in the counts of a user.
local function field_of (conversation) return (string.gsub(conversation, '^iris:{(%d+)}:CONVERSATION:', '%1/')) end

-- What a conversation that has ended, or a membership, has left with a user.
local function clear_leftovers (user, tag, field)
  local marker, id = user_key(tag, 'RESET_READ_NUM_AND_LAST_MSG', user), string.match(field, '/(.*)$')
  redis.call('HDEL', user_key(tag, 'CHAT_MSG_BOX', user), field)
  redis.call('DEL', marker .. ':' .. id)
  redis.call('HDEL', marker, id) -- who comes back begins anew, without a mark [REST-1]
end
