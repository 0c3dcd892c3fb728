-- unread.lua - prelude: the oldest unread messages of each conversation. [ATTACH-3]
-- Each brings its oldest; of very many conversations each brings fewer, so that one attach stays bounded.
-- Returns conversation, n, [seq:ts ...], conversation ...
local function oldest_unread (unread, limit)
  local waiting = {}
  local conversations = redis.call('HKEYS', unread)
  local share = math.min(limit, math.ceil(4 * limit / math.max(1, #conversations)))
  for _, conversation in ipairs(conversations) do
    local box = unread .. ':' .. conversation
    waiting[#waiting + 1] = conversation
    waiting[#waiting + 1] = redis.call('ZCARD', box)
    waiting[#waiting + 1] = redis.call('ZRANGE', box, 0, share - 1)
  end
  return waiting
end
