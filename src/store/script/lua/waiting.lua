-- waiting.lua - prelude after unread and aging: the oldest unread messages of each conversation. [ATTACH-3]
-- Each brings its oldest; of very many conversations each brings fewer, and some none, so that one attach stays bounded.
-- kept: what was sent before this moment has had its time.
-- Returns how many conversations were not looked at, then conversation, n, [seq:ts ...], conversation ...
local scanned_in_all = 0 -- messages, by all who attach in this call
local function oldest_unread (unread, limit, kept)
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
    local facts = facts_of(conversation)
    local row = redis.call('HGET', conversation .. ':MEMBERS', user)
    local view = view_of(conversation, row, tonumber(read) or 0, marker and markers .. ':' .. id, facts)
    if not view then return drop_count(unread, field) end
    local aged, looked_at = let_age(view, facts, kept, left)
    left = left - looked_at
    local oldest, scanned = oldest_of(view, share, left)
    left = left - scanned
    local is_all = view.low + scanned >= view.head and #oldest < share
    -- what has aged is counted until it is let go
    if #oldest == 0 and is_all then return aged == 0 and drop_count(unread, field) end
    if #oldest == 0 then waiting[1] = waiting[1] + 1 return end
    local n = is_all and #oldest or math.max(#oldest, (number_of(count, unread .. ' ' .. id) or 0) - aged)
    waiting[#waiting + 1], waiting[#waiting + 2], waiting[#waiting + 3] = id, n, oldest
  end

  for i = 1, 2 * looked, 2 do look_at(counts[i], counts[i + 1], known[(i + 1) / 2]) end
  scanned_in_all = scanned_in_all + MAX_SCANNED - left
  return waiting
end
