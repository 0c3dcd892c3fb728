-- leaving.lua - prelude after down, member, direct and index: what leaves a log, or is revoked, is unread for nobody any more. [REVOKE-3]
local MOST_GONE = 100 -- more than one only after the limit was lowered

-- What has left the log is unread no more.
local function let_go (message, user, stored)
  local _, first, tag, spoke = member_of(stored)
  local marker, lost = user_key(tag, 'RESET_READ_NUM_AND_LAST_MSG', user), 0
  local low = math.max(whole_of(string.match(redis.call('HGET', marker, message.id) or '', '^%d+')) or 0, first - 1)
  for _, each in ipairs(message.gone) do
    local is_unread = each[1] > low and 'w' .. int(each[2]) ~= spoke
    if is_unread and redis.call('ZREM', marker .. ':' .. message.id, int(each[1])) == 0 then lost = lost + 1 end
  end
  local unread = user_key(tag, 'CHAT_MSG_BOX', user)
  if lost > 0 and redis.call('HINCRBY', unread, message.field, -lost) <= 0 then redis.call('HDEL', unread, message.field) end
end

-- What leaves the log with it: firstSeq of the conversation rises. Returns [seq, writer] of each that counted for somebody.
local function leave_log (conversation, index, trimmed)
  local gone, place = {}, conversation .. ' firstSeq'
  if trimmed <= 0 then return gone end
  local first = number_of(redis.call('HGET', conversation, 'firstSeq'), place) or 1
  local last = math.min(trimmed, first + MOST_GONE - 1)
  if last < first then return gone end
  local text = entries(index, first, last)
  for i = 1, #text, WIDTH do
    local writer = writer_at(text, i)
    if writer ~= 0 then gone[#gone + 1] = { first + (i - 1) / WIDTH, writer } end
  end
  redis.call('HSET', conversation, 'firstSeq', int(last + 1))
  for n = block_of(first), block_of(last + 1) - 1 do redis.call('DEL', index .. n) end
  return gone
end
