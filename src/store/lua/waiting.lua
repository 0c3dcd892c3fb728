-- waiting.lua - prelude after unread: all that a user has not read. A count whose direct conversation has ended goes.
local function total_unread (unread)
  local total, counts, user = 0, redis.call('HGETALL', unread), string.match(unread, '[^:]+$')
  for i = 1, #counts, 2 do
    local conversation, id = place_of(counts[i])
    local is_over = id and string.sub(id, 1, 3) == 'dm.' and redis.call('HEXISTS', conversation .. ':MEMBERS', user) == 0
    if is_over then drop_count(unread, counts[i])
    elseif id then total = total + (number_of(counts[i + 1], unread .. ' ' .. id) or 0)
    else skip(unread .. ' ' .. counts[i]) end
  end
  return total
end

-- The oldest unread messages of each conversation. [ATTACH-3]
-- Each brings its oldest; of very many conversations each brings fewer, and some none, so that one attach stays bounded.
-- Returns how many conversations were not looked at, then conversation, n, [seq:ts ...], conversation ...
local function oldest_unread (unread, limit)
  local counts = redis.call('HSCAN', unread, 0, 'COUNT', MAX_LOOKED)[2]
  local looked, left = math.min(#counts / 2, MAX_LOOKED), MAX_SCANNED
  local waiting = { redis.call('HLEN', unread) - looked }
  if looked == 0 then return waiting end
  local share = math.min(limit, math.ceil(4 * limit / looked))
  local prefix, user = string.match(unread, '^(.*:)CHAT_MSG_BOX:(.*)$')
  local markers = prefix .. 'RESET_READ_NUM_AND_LAST_MSG:' .. user

  local ids = {}
  for i = 1, looked do ids[i] = select(2, place_of(counts[2 * i - 1])) or '' end
  local known = redis.call('HMGET', markers, unpack(ids))

  -- marker: of who has taken anything there is one
  local function look_at (field, count, marker)
    local conversation, id = place_of(field)
    if not id then return skip(unread .. ' ' .. field) end
    if left <= 0 then waiting[1] = waiting[1] + 1 return end
    local read = parts_of(marker, '^(%d+) %d+ %d$', 1, markers .. ' ' .. id)
    local view = view_of(conversation, redis.call('HGET', conversation .. ':MEMBERS', user), tonumber(read) or 0, marker and markers .. ':' .. id)
    if not view then return drop_count(unread, field) end
    local oldest, scanned = oldest_of(view, share, left)
    left = left - scanned
    local is_all = view.low + scanned >= view.head and #oldest < share
    if #oldest == 0 and is_all then return drop_count(unread, field) end
    if #oldest == 0 then waiting[1] = waiting[1] + 1 return end
    local n = is_all and #oldest or math.max(#oldest, number_of(count, unread .. ' ' .. id) or 0)
    waiting[#waiting + 1], waiting[#waiting + 2], waiting[#waiting + 3] = id, n, oldest
  end

  for i = 1, 2 * looked, 2 do look_at(counts[i], counts[i + 1], known[(i + 1) / 2]) end
  return waiting
end
