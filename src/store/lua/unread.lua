-- unread.lua - prelude: a user's unread messages. A count whose box has ended, with its direct conversation, goes.
local function drop_count (unread, id)
  if not is_dry then redis.call('HDEL', unread, id) end
end

local function total_unread (unread)
  local total, counts = 0, redis.call('HGETALL', unread)
  for i = 1, #counts, 2 do
    local id = counts[i]
    if string.sub(id, 1, 3) == 'dm.' and redis.call('EXISTS', unread .. ':' .. id) == 0 then drop_count(unread, id)
    else total = total + (number_of(counts[i + 1], unread .. ' ' .. id) or 0) end
  end
  return total
end

-- So many conversations are looked at by one attach: that takes 3 ms. [COST-1]
local max_boxes = 500

-- The oldest unread messages of each conversation. [ATTACH-3]
-- Each brings its oldest; of very many conversations each brings fewer, and some none, so that one attach stays bounded.
-- Returns how many conversations were not looked at, then conversation, n, [seq:ts ...], conversation ...
local function oldest_unread (unread, limit)
  local counts = redis.call('HSCAN', unread, 0, 'COUNT', max_boxes)[2]
  local looked = math.min(#counts / 2, max_boxes)
  local waiting = { redis.call('HLEN', unread) - looked }
  local share = math.min(limit, math.ceil(4 * limit / math.max(1, looked)))
  for i = 1, 2 * looked, 2 do
    local box = unread .. ':' .. counts[i]
    local oldest = redis.call('ZRANGE', box, 0, share - 1)
    if #oldest == 0 then drop_count(unread, counts[i])
    else
      local n = #oldest < share and #oldest or math.max(#oldest, number_of(counts[i + 1], unread .. ' ' .. counts[i]) or 0)
      waiting[#waiting + 1], waiting[#waiting + 2], waiting[#waiting + 3] = counts[i], n, oldest
    end
  end
  return waiting
end
