-- unread.lua - prelude: a user's unread messages. A count whose box has ended, with its direct conversation, goes.
local function total_unread (unread)
  local total, counts = 0, redis.call('HGETALL', unread)
  for i = 1, #counts, 2 do
    local id = counts[i]
    if string.sub(id, 1, 3) == 'dm.' and redis.call('EXISTS', unread .. ':' .. id) == 0 then redis.call('HDEL', unread, id)
    else total = total + counts[i + 1] end
  end
  return total
end

-- The oldest unread messages of each conversation. [ATTACH-3]
-- Each brings its oldest; of very many conversations each brings fewer, so that one attach stays bounded.
-- Returns conversation, n, [seq:ts ...], conversation ...
local function oldest_unread (unread, limit)
  local waiting = {}
  local conversations = redis.call('HKEYS', unread)
  local share = math.min(limit, math.ceil(4 * limit / math.max(1, #conversations)))
  for _, conversation in ipairs(conversations) do
    local box = unread .. ':' .. conversation
    local n = redis.call('ZCARD', box)
    if n == 0 then redis.call('HDEL', unread, conversation)
    else
      waiting[#waiting + 1] = conversation
      waiting[#waiting + 1] = n
      waiting[#waiting + 1] = redis.call('ZRANGE', box, 0, share - 1)
    end
  end
  return waiting
end
